// Code that the page can show as what it describes.
export type PreviewKind = 'html' | 'svg' | 'mermaid';

const kKinds: Readonly<Record<string, PreviewKind>> = { html: 'html', htm: 'html', xhtml: 'html', svg: 'svg', mermaid: 'mermaid', mmd: 'mermaid' };

const kSvg = /^\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--[\s\S]*?-->\s*)*(?:<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/i;

// By the language after the fence; SVG is found in XML, and where the fence names no language, too.
export function previewKind(language: string, code: string): PreviewKind | null {
  if (Object.hasOwn(kKinds, language)) return kKinds[language]!;
  return (language === 'xml' || language === 'text') && kSvg.test(code) ? 'svg' : null;
}
