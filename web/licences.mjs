// The licences of the bundled libraries, as the page shows them.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const kPreface = `Ferrum's web page is part of Ferrum (MIT licence). These libraries are in it, as their authors made them,
in minified form:
`;

// Of the libraries in package.json and what they need in turn.
function bundled(folder) {
  const read = (...parts) => JSON.parse(readFileSync(path.join(folder, ...parts, 'package.json'), 'utf8'));
  const names = new Set();
  const add = (dependencies = {}) => {
    for (const name of Object.keys(dependencies)) {
      if (names.has(name)) continue;
      names.add(name);
      add(read('node_modules', name).dependencies);
    }
  };
  add(read().dependencies);
  return [...names].sort().map((name) => ({ name, about: read('node_modules', name) }));
}

function textOf(folder) {
  const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)/i.test(name));
  if (!file || !existsSync(path.join(folder, file))) throw new Error(`${folder} has no licence`);
  return readFileSync(path.join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim();
}

export function licences(folder) {
  const line = '-'.repeat(80);
  const parts = bundled(folder).map(
    ({ name, about }) =>
      `${line}\n${name} ${about.version}: ${about.license}\n${line}\n\n${textOf(path.join(folder, 'node_modules', name))}\n`,
  );
  const inside = readFileSync(path.join(folder, 'licences', 'mermaid.txt'), 'utf8');
  return [kPreface, ...parts, `${line}\n${inside}`].join('\n');
}
