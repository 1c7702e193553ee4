// Loaded with the first formula.
import temml from 'temml';

// Replaces the source. Invalid TeX stays as it was written.
export function setFormula(element: HTMLElement): void {
  const { tex = '', display } = element.dataset;
  try {
    temml.render(tex, element, { displayMode: display === 'true', throwOnError: true, maxExpand: 200, maxSize: [50, 50] });
    element.dataset.set = 'true';
  } catch {
    element.textContent = tex;
  }
}
