// The file extension for a fence's language.
const kExtensions: Record<string, string> = {
  bash: 'sh', 'c++': 'cpp', csharp: 'cs', go: 'go', haskell: 'hs', javascript: 'js', kotlin: 'kt', markdown: 'md', perl: 'pl',
  python: 'py', ruby: 'rb', rust: 'rs', shell: 'sh', text: 'txt', typescript: 'ts', yaml: 'yml', zsh: 'sh',
};

// Names of other languages are usually extensions themselves (c, css, html, json, …).
export function extensionOf(language: string): string {
  const known = Object.hasOwn(kExtensions, language) ? kExtensions[language] : undefined;
  return known ?? (/^[a-z0-9]{1,10}$/.test(language) ? language : 'txt');
}
