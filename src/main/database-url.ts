/** Whether the text is the address of a PostgreSQL database. Of another one every connection would fail, one by one. */
export function isDatabaseUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text);
}

/** The URL without the password, in both places where one may stand. */
export function withoutPassword(url: string): string {
  const bare = new URL(url);
  bare.password = '';
  if (bare.searchParams.has('password')) bare.searchParams.delete('password');
  return bare.toString();
}

export function hasPassword(url: string): boolean {
  return withoutPassword(url) !== new URL(url).toString();
}

/** Host, port and name, for messages. */
export function placeOf(url: string): string {
  const { hostname: host, port, pathname } = new URL(url);
  return `${host}:${port === '' ? '5432' : port}${pathname}`;
}
