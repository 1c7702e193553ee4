// The thousand answers that are drawn under schemas which are hard to keep (tests/grammar/generation_test.cpp), judged by ajv.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import Ajv from 'ajv';
import Ajv2019 from 'ajv/dist/2019.js';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { root } from './server.mjs';

const program = path.join(path.dirname(process.env.FERRUM_BINARY ?? path.join(root, 'build', 'ferrum')), 'grammar_test');

function validatorOf(schema) {
  const draft = schema.$schema ?? '';
  const Validator = /draft-0[67]/.test(draft) ? Ajv : draft.includes('2019-09') ? Ajv2019 : Ajv2020;
  const ajv = new (Validator.default ?? Validator)({ strict: false });
  (addFormats.default ?? addFormats)(ajv);
  return ajv.compile(schema);
}

test('drawn answers are valid', { skip: !existsSync(program) && 'grammar_test is not built' }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ferrum-drawn-'));
  try {
    execFileSync(program, ['--gtest_filter=Generation.*'], { env: { ...process.env, FERRUM_DRAWN_ANSWERS: folder }, stdio: 'ignore' });
    let answers = 0;
    for (const file of readdirSync(folder)) {
      const schema = JSON.parse(readFileSync(path.join(root, 'tests/data/grammar/schemas', file.replace(/l$/, '')), 'utf8'));
      const validate = validatorOf(schema);
      for (const line of readFileSync(path.join(folder, file), 'utf8').split('\n').filter(Boolean)) {
        assert.ok(validate(JSON.parse(line)), `${file}: ${line}: ${JSON.stringify(validate.errors)}`);
        ++answers;
      }
    }
    assert.equal(answers, 1000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
