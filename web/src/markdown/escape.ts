export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

// For use between double quotes.
export const attribute = (text: string): string => escaped(text).replaceAll('"', '&quot;');
