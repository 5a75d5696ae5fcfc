import { BlockList, isIP } from 'node:net';

/**
 * Which addresses a call may go to. A public party may live only where the public Internet is; what the IANA registries
 * of special addresses list, and what can carry an IPv4 address inside an IPv6 one, is refused.
 */
export type Reach = 'public' | 'loopback';

export type AllowedOrigin = { readonly origin: string; readonly reach: Reach };

/** Why a URL is not called. The words are for logs and metrics; they hold nothing of the URL. */
export type AddressRefusal =
  | 'url_malformed'
  | 'url_not_canonical'
  | 'scheme_refused'
  | 'user_info_refused'
  | 'port_refused'
  | 'address_refused'
  | 'origin_not_allowed';

/**
 * The parsed URL, or why it must not be called. The host is compared as it was written: one that a parser has to
 * translate (decimal, octal or short IPv4 forms, percent signs, full-width letters, trailing dots) is refused.
 */
export function checkUrl(
  text: string,
  allowed: readonly AllowedOrigin[],
  ports: readonly number[],
): URL | AddressRefusal {
  if (text.length > urlTextMax || !/^[\x21-\x7e]+$/.test(text) || text.includes('\\')) return 'url_malformed';
  if (!URL.canParse(text)) return 'url_malformed';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'scheme_refused';
  if (url.username !== '' || url.password !== '' || authorityOf(text).includes('@')) return 'user_info_refused';
  if (!isCanonical(text, url)) return 'url_not_canonical';
  const match = allowed.find((one) => one.origin === url.origin);
  if (match === undefined) return 'origin_not_allowed';
  return checkOrigin(url, match.reach, ports) ?? url;
}

/** The same checks for an origin that is about to be put on the allow list, so that a wrong one fails at the start. */
export function checkOrigin(url: URL, reach: Reach, ports: readonly number[]): AddressRefusal | null {
  if (url.protocol !== 'https:' && !(reach === 'loopback' && url.protocol === 'http:')) return 'scheme_refused';
  if (reach === 'public' && !ports.includes(url.port === '' ? 443 : Number(url.port))) return 'port_refused';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) return mayReach(host, reach) ? null : 'address_refused';
  // A name of loopback must not be taken for a public one, whatever the resolver says.
  if (reach === 'public' && /(^|\.)(localhost|local|internal|localdomain|home\.arpa)$/.test(host))
    return 'address_refused';
  return reach === 'public' && !host.includes('.') ? 'address_refused' : null;
}

/** Whether a connection may be made to this IP address. Anything that is not an address may not. */
export function mayReach(address: string, reach: Reach): boolean {
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return false;
  if (family === 4) return reach === 'loopback' ? loopback.check(address) : !specialIpv4.check(address);
  if (reach === 'loopback') return loopback.check(address, 'ipv6');
  return globalIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6');
}

const urlTextMax = 2_048;

function authorityOf(text: string): string {
  return /^[a-z]+:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
}

function isCanonical(text: string, url: URL): boolean {
  return authorityOf(text) === url.host && !url.hostname.endsWith('.') && text.startsWith(`${url.protocol}//`);
}

function listOf(family: 'ipv4' | 'ipv6', ranges: readonly (readonly [network: string, prefix: number])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, family);
  return list;
}

/** IANA IPv4 Special-Purpose Address Registry, with multicast and the reserved block. */
const specialIpv4 = listOf('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]);

/** All that is assigned as global unicast; mapped IPv4, NAT64, unique local, link local and multicast are outside. */
const globalIpv6 = listOf('ipv6', [['2000::', 3]]);

/** Inside of it: protocol assignments with Teredo and ORCHID, documentation, 6to4, the AS112 service, SRv6. */
const specialIpv6 = listOf('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
]);

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
