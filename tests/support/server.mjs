// A live `ferrum serve` with a demonstration model, at a port of its own.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const binary = process.env.FERRUM_BINARY ?? path.join(root, 'build', 'ferrum');

export const model = 'demo-dense';
export const fileOf = (name) => path.join(root, 'models', `${name}.gguf`);

// Resolves once the model is there: {url, stop()}. stop() resolves to the exit code, null where a signal ended it.
export const serveModel = (name, ...options) => serveFiles(fileOf(name), ...options);

// The same with recorded answers in place of a model's.
export const serveReplay = (answers, ...options) => serveFiles('--replay', answers, ...options);

function serveFiles(...options) {
  const child = spawn(binary, ['serve', ...options, '--port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return new Promise((resolve, reject) => {
    let told = '';
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`ferrum serve ended: ${told}`)));
    child.stderr.on('data', (text) => {
      told += text;
      const url = told.match(/listening at (\S+?);/)?.[1];
      if (url) resolve({ url, stop });
    });
  });
}
