// Loaded when the first formula is there.
import temml from 'temml';

// In the place of its source. What is no TeX stays as it was written.
export function setFormula(element: HTMLElement): void {
  const { tex = '', display } = element.dataset;
  try {
    temml.render(tex, element, { displayMode: display === 'true', throwOnError: true, maxExpand: 200, maxSize: [50, 50] });
    element.dataset.set = 'true';
  } catch {
    element.textContent = tex;
  }
}
