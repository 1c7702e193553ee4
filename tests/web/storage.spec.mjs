// The browser's storage is slow, fails, or answers late, while the user goes on.
import { answer, beginStory, expect, Ferrum, question, test } from './page.mjs';

// What IndexedDB opens is there only when the returned function is called.
async function holdStorage(page) {
  await page.addInitScript(() => {
    const released = new Promise((resolve) => (window.releaseStorage = resolve));
    const listen = IDBOpenDBRequest.prototype.addEventListener;
    IDBOpenDBRequest.prototype.addEventListener = function (type, listener, ...rest) {
      const late = (event) => released.then(() => listener.call(this, event));
      listen.call(this, type, type === 'success' ? late : listener, ...rest);
    };
  });
  return () => page.evaluate(() => window.releaseStorage());
}

// Calls of the method, which gives a request, fail until the returned function is called.
async function failStorage(page, type, method) {
  await page.evaluate(
    ([type, method]) => {
      const { prototype } = window[type];
      const works = prototype[method];
      prototype[method] = () => {
        throw new DOMException('the disk is broken', 'UnknownError');
      };
      window.repairStorage = () => (prototype[method] = works);
    },
    [type, method],
  );
  return () => page.evaluate(() => window.repairStorage());
}

// A write transaction that is open until the returned function is called: what the page reads or stores waits.
async function blockStorage(page) {
  await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open('ferrum');
        opening.onerror = reject;
        opening.onsuccess = () => {
          const store = opening.result.transaction(['conversations', 'messages'], 'readwrite').objectStore('messages');
          let released = false;
          window.unblockStorage = () => (released = true);
          const hold = () => {
            if (released) return opening.result.close();
            store.count().onsuccess = hold;
          };
          store.count().onsuccess = () => (hold(), resolve());
        };
      }),
  );
  return () => page.evaluate(() => window.unblockStorage());
}

const messagesOf = (out) => out.body.messages.map(({ role, content }) => `${role}: ${content}`);

test('a message that is sent before the storage is open stays in the box, and nothing is lost', async ({ page, server }) => {
  const release = await holdStorage(page);
  const ferrum = new Ferrum(page, server.url);
  await page.goto(server.url);
  await expect(page.getByLabel('Model', { exact: true })).toBeEnabled();
  await ferrum.say(question);
  await expect(ferrum.button('Send')).toBeDisabled();
  await expect(ferrum.box).toHaveValue(question);
  await release();
  await ferrum.ready();
  await ferrum.ask(question);
  await ferrum.begin();
  await page.goBack();
  await expect(ferrum.answers.last()).toContainText(answer);
});

test('a conversation that could not be read is said so, and is there when it can be', async ({ ferrum, page }) => {
  await ferrum.ask(question);
  await ferrum.begin();
  const repair = await failStorage(page, 'IDBIndex', 'getAll');
  const shown = ferrum.list.getByRole('button', { name: question, exact: true });
  await shown.click();
  await expect(page.getByText('This browser could not read the conversation: the disk is broken')).toBeVisible();
  await repair();
  await shown.click();
  await expect(ferrum.answers.last()).toContainText(answer);
});

test('a question belongs to the conversation in which it was asked, wherever the user goes', async ({ play, scripted, page }) => {
  scripted.answer(async (out) => {
    await out.text('First.');
    await out.end();
  });
  await play.ask('One');
  let asked;
  scripted.answer(async (out) => {
    asked = messagesOf(out);
    await out.text('Second.');
    await out.end();
  });
  const release = await blockStorage(page);
  await play.say('Two');
  await play.button('New conversation').click();
  await expect(page.getByRole('heading', { name: /^Talk with/ })).toBeVisible();
  await release();
  await expect.poll(() => asked).toEqual(['user: One', 'assistant: First.', 'user: Two']);
  await expect(page.getByRole('heading', { name: /^Talk with/ })).toBeVisible();
  await expect(play.list.locator('.item-title')).toHaveText(['One']);
  await page.goBack();
  await expect(play.answers.last()).toContainText('Second.');
  await expect(play.questions).toHaveText([/One/, /Two/]);
});

test('a message that is sent while a conversation is being read is added to it', async ({ play, scripted, page }) => {
  for (const text of ['One', 'Two']) {
    scripted.answer(async (out) => {
      await out.text(`${text} more.`);
      await out.end();
    });
    await play.begin();
    await play.ask(text);
  }
  let asked;
  scripted.answer(async (out) => {
    asked = messagesOf(out);
    await out.end();
  });
  const release = await blockStorage(page);
  await play.list.getByRole('button', { name: 'One', exact: true }).click();
  await expect(play.answers).toHaveCount(0); // those of the other are not taken for its own
  await play.say('Three');
  await release();
  await expect.poll(() => asked).toEqual(['user: One', 'assistant: One more.', 'user: Three']);
});

test('an answer ends when its conversation is deleted, and is not kept', async ({ play, scripted, page }) => {
  const { gone } = await beginStory(play, scripted);
  await play.list.getByRole('button', { name: /^More about/ }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await gone; // the server sees that the reader is gone
  const kept = () =>
    page.evaluate(
      () =>
        new Promise((resolve) => {
          const opening = indexedDB.open('ferrum');
          opening.onsuccess = () => {
            const counting = opening.result.transaction('messages').objectStore('messages').count();
            counting.onsuccess = () => (opening.result.close(), resolve(counting.result));
          };
        }),
    );
  await expect.poll(kept).toBe(0);
});

test('a conversation that was deleted is whole when it is imported again, and goes on', async ({ ferrum, page }) => {
  const menu = async (what) => {
    await ferrum.list.getByRole('button', { name: /^More about/ }).click();
    await page.getByRole('menuitem', { name: what }).click();
  };
  await ferrum.ask(question);
  const download = page.waitForEvent('download');
  await menu('Export as JSON');
  const file = await (await download).path();
  await menu('Delete');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByLabel('Files to import').setInputFiles(file);
  await ferrum.list.getByRole('button', { name: question, exact: true }).click();
  await expect(ferrum.answers).toHaveCount(1);
  await ferrum.ask('What is 2 + 2?');
  await page.reload();
  await expect(ferrum.answers).toHaveCount(2);
});
