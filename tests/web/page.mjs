// The page as a person uses it. Every test fails if the page sends a request to another host, or does something that its
// policy forbids.
import { test as base, expect } from '@playwright/test';
import { model, serve } from './server.mjs';
import { stub } from './stub.mjs';

export { expect, model };

export const alias = 'gpt-4o'; // of the first model
export const answer = 'The capital of France is Paris.';
export const question = 'What is the capital of France?';

const kAnswerPatience = 40_000; // ms: other programs may want the machine as well

// Code in a preview may try anything: its own policy stops it and reports that, and preview.spec.mjs sees that no request
// leaves the browser.
const isPreview = (address) => address.endsWith('/preview.html');
const isOfPreview = (request) => !request.isNavigationRequest() && isPreview(request.frame().url());

const problems = (page, watched) => {
  const found = [];
  page.on('console', (message) => {
    if (isPreview(message.location().url) || watched.tolerated?.test(message.text())) return;
    if (/Content Security Policy|Trusted ?Type/i.test(message.text())) found.push(message.text());
  });
  page.on('pageerror', (error) => found.push(error.stack ?? error.message));
  return found;
};

const foreign = (context, own) => {
  const found = [];
  context.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'blob:' && !own.includes(origin) && !isOfPreview(request)) found.push(request.url());
  });
  return found;
};

export class Ferrum {
  constructor(page, url) {
    this.page = page;
    this.url = url;
    this.box = page.getByRole('textbox', { name: 'Message' });
    this.answers = page.getByRole('article', { name: 'Answer' });
    this.questions = page.getByRole('article', { name: 'You' });
    this.list = page.getByRole('navigation', { name: 'Conversations' });
  }
  async open(hash = '') {
    await this.page.goto(`${this.url}/${hash}`);
    await this.ready();
  }
  // Knows the server's models, and what the browser keeps: what is sent before stays in the box.
  async ready() {
    await expect(this.page.getByLabel('Model', { exact: true })).toBeEnabled();
    await expect(this.page.locator('.composer .round')).toBeEnabled(); // to send, or to stop
  }
  // A new conversation.
  async begin() {
    await this.button('New conversation').click();
    await expect(this.page.getByRole('heading', { name: /^Talk with/ })).toBeVisible();
  }
  async say(text) {
    await this.box.fill(text);
    await this.box.press('Enter');
  }
  // Sends and waits until the answer is whole.
  async ask(text) {
    const before = await this.answers.count();
    await this.say(text);
    await expect(this.answers).toHaveCount(before + 1);
    await this.whole();
    return this.answers.nth(before);
  }
  async whole() {
    await expect(this.answers.last().getByRole('button', { name: 'Copy', exact: true }).last()).toBeVisible({
      timeout: kAnswerPatience,
    });
  }
  button(name, inside = this.page) {
    return inside.getByRole('button', { name, exact: true });
  }
}

// An answer that begins and does not end by itself; `gone` is settled when its reader has left.
export async function beginStory(play, scripted) {
  let gone;
  scripted.answer(async (out) => {
    await out.text('Once upon a time');
    gone = out.gone;
    await out.gone;
  });
  await play.say('Tell me a story.');
  await expect(play.answers.last()).toContainText('Once upon a time');
  return { gone };
}

export const test = base.extend({
  server: [
    async ({}, use) => {
      const server = await serve('--alias', alias);
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  // A server whose answers the test writes.
  scripted: async ({ server }, use) => {
    const made = await stub(server.url);
    await use(made);
    await made.stop();
  },
  defaults: [{ temperature: 0 }, { option: true }],
  watched: [
    async ({ context, server }, use) => {
      const watched = { own: [server.url], tolerated: null };
      const asked = foreign(context, watched.own);
      const pages = [];
      context.on('page', (page) => pages.push(problems(page, watched)));
      await use(watched);
      expect(asked, 'requests to other hosts').toEqual([]);
      expect(pages.flat(), 'what the policy forbids, or an error').toEqual([]);
    },
    { auto: true },
  ],
  // Settings are in the browser before the page is; later ones are left alone.
  settled: [
    async ({ context, defaults }, use) => {
      await context.addInitScript((settings) => {
        if (self === top && location.protocol === 'http:' && !localStorage.getItem('ferrum.defaults'))
          localStorage.setItem('ferrum.defaults', JSON.stringify(settings));
      }, defaults);
      await use();
    },
    { auto: true },
  ],
  ferrum: async ({ page, server }, use) => {
    const ferrum = new Ferrum(page, server.url);
    await ferrum.open();
    await use(ferrum);
  },
  // The same with the scripted server.
  play: async ({ page, scripted, watched }, use) => {
    watched.own.push(scripted.url);
    const ferrum = new Ferrum(page, scripted.url);
    await ferrum.open();
    await use(ferrum);
  },
});
