// Ids that are unique across browsers. (crypto.randomUUID is missing for pages from another machine without
// TLS.)
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
