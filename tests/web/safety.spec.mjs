import { expect, test } from './page.mjs';

const hostile = `
<script>window.harmed = 1</script>
<img src=x onerror="window.harmed = 2"> and <img src="https://evil.example/pixel.png">
<svg onload="window.harmed = 3"><a xlink:href="javascript:window.harmed=4">x</a></svg>
<iframe srcdoc="<script>parent.harmed = 5</script>"></iframe>
<style>body { display: none }</style>
<math><mtext></math><img src=x onerror="window.harmed=6">
<form action="https://evil.example/"><button>Send</button></form>

![picture](https://evil.example/track.png "t") [link](javascript:window.harmed=7) [data](data:text/html,<script>x</script>)
[![in](https://evil.example/a.png)](https://evil.example/b) <https://evil.example/auto> https://evil.example/bare
[mixed](JaVaScRiPt:alert(1)) [space]( javascript:alert(1)) [tab](java\tscript:alert(1))

\`\`\`"><img/src=x/onerror=window.harmed=8>
</code></pre><script>window.harmed = 9</script>
\`\`\`

$\\href{javascript:window.harmed=10}{x}$ and \\(\\includegraphics{https://evil.example/c.png}\\) and
$\\style{background:url(https://evil.example/d.png)}{y}$ and $\\htmlData{a=b}{z}$ and $\\class{copy}{w}$

| <img src=x onerror=window.harmed=11> | b |
|---|---|
| "><script>window.harmed=12</script> | c |

<br>H<sub>2</sub>O and <sub onclick="window.harmed=13">x</sub> [a]: https://evil.example/e "x"
`;

test('what a model says does nothing', async ({ play, scripted, page }) => {
  scripted.answer(async (out) => {
    for (const piece of hostile.match(/[\s\S]{1,9}/g)) await out.text(piece); // in every half-finished state
    await out.text('\n\nThe end of it.');
    await out.end();
  });
  const said = await play.ask('Harm me.');
  await expect(said).toContainText('The end of it.');
  await play.whole();
  await page.reload(); // and once more, as it was kept
  await expect(said).toContainText('The end of it.');
  await expect(said).toContainText('<script>window.harmed = 1</script>'); // as it was written
  await expect(said.locator('sub').first()).toHaveText('2');
  expect(await page.evaluate(() => window.harmed)).toBeUndefined();
  expect(await said.locator('img, script, iframe, style, form, object, svg:not(.icon), [onclick], [onerror], [onload]').count()).toBe(0);
  const links = await said.locator('a').evaluateAll((all) => all.map((a) => [a.protocol, a.rel, a.target]));
  expect(links.length).toBeGreaterThan(2);
  for (const link of links) expect(link).toEqual(['https:', 'noopener noreferrer nofollow', '_blank']);
});

test('what people write is text', async ({ play, scripted, page }) => {
  scripted.answer((out) => out.end());
  await play.say('<img src=x onerror="window.harmed=1"> **not bold**');
  await expect(play.questions.last()).toContainText('<img src=x onerror="window.harmed=1"> **not bold**');
  expect(await page.evaluate(() => window.harmed)).toBeUndefined();
});

test('the page may not be changed by a script of its own document', async ({ ferrum, page }) => {
  const policy = (await page.request.get(ferrum.url)).headers()['content-security-policy'];
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
});
