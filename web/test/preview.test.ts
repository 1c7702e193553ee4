import { expect, test } from 'vitest';
import { previewKind } from '../src/markdown/preview';

test('what can be shown, by its language', () => {
  expect(previewKind('html', '')).toBe('html');
  expect(previewKind('svg', '')).toBe('svg');
  expect(previewKind('mermaid', '')).toBe('mermaid');
  for (const language of ['python', 'constructor', 'javascript', 'text', 'xml']) expect(previewKind(language, 'x')).toBeNull();
});

test('SVG in XML, or under no name', () => {
  const svg = '<?xml version="1.0"?>\n<!-- a circle -->\n<svg viewBox="0 0 1 1"></svg>';
  expect(previewKind('xml', svg)).toBe('svg');
  expect(previewKind('text', '<svg>')).toBe('svg');
  expect(previewKind('python', svg)).toBeNull();
  expect(previewKind('xml', '<svgish/>')).toBeNull();
});
