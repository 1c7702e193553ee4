import { effect } from '@preact/signals';
import { render } from 'preact';
import { checkAnswers, watchTabs } from './state/answering';
import { messages, openLibrary } from './state/library';
import { refresh } from './state/server';
import { showTheme } from './state/theme';
import { watchTools } from './state/tools';
import './style/index.css';
import { App } from './view/app';

showTheme();
render(<App />, document.body);
watchTabs();
watchTools();
void refresh();
await openLibrary();
effect(() => {
  if (messages.value.size > 0) checkAnswers();
});
