// Copies what Vite has built to src/server/web/page, compressed, where CMake embeds it into the program. With --check it
// compares instead. Copying fails where the page has grown too large.
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { licences } from './licences.mjs';

// Bytes, compressed. What few readers need, and only when they need it, has a limit of its own.
const kRare = /\.woff2$|^assets\/mermaid/;
const kLimit = 300_000;
const kRareLimit = 1_000_000;
const here = path.dirname(fileURLToPath(import.meta.url));
const built = path.join(here, 'dist');
const page = path.join(here, '..', 'src', 'server', 'web', 'page');

const filesIn = (folder) =>
  readdirSync(folder, { recursive: true })
    .map((name) => name.split(path.sep).join('/'))
    .filter((name) => statSync(path.join(folder, name)).isFile())
    .sort();

// Name to contents, uncompressed: compressors differ from one zlib to the next.
const fresh = new Map(filesIn(built).map((name) => [name, readFileSync(path.join(built, name))]));
fresh.set('licences.txt', Buffer.from(licences(here)));

function write() {
  rmSync(page, { recursive: true, force: true });
  const total = { usual: 0, rare: 0 };
  for (const [name, contents] of fresh) {
    const packed = gzipSync(contents, { level: 9 });
    packed[9] = 3; // the system that packed it: the same everywhere
    total[kRare.test(name) ? 'rare' : 'usual'] += packed.length;
    const file = path.join(page, `${name}.gz`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, packed);
    console.log(`${String(packed.length).padStart(7)} ${name}`);
  }
  console.log(`${String(total.usual).padStart(7)} bytes of ${kLimit}, and ${total.rare} of ${kRareLimit} that few readers need`);
  if (total.usual >= kLimit || total.rare >= kRareLimit) throw new Error('the page is too large');
}

function check() {
  const names = filesIn(page).map((name) => name.replace(/\.gz$/, ''));
  const differing = [...new Set([...names, ...fresh.keys()])].filter(
    (name) =>
      !names.includes(name) ||
      !fresh.get(name)?.equals(gunzipSync(readFileSync(path.join(page, `${name}.gz`)))),
  );
  if (differing.length > 0)
    throw new Error(`src/server/web/page is not what web/ gives (run ./dev web): ${differing.join(', ')}`);
  console.log('src/server/web/page is what web/ gives');
}

process.argv.includes('--check') ? check() : write();
