// The first file of a thread that plays worlds. Plain JavaScript, because it makes TypeScript loadable.
if (!process.features.typescript) {
  const { register } = await import('tsx/esm/api');
  register();
}
await import('./thread.ts');
