import { structureOf } from '../conversation/json';
import type { Call } from '../conversation/types';
import { questions, serverOf, type Consent } from '../state/tools';
import { JsonTree } from './json-tree';

const kStates: Record<Call['state'], string> = {
  asked: 'not made',
  running: 'running…',
  done: 'done',
  failed: 'failed',
  denied: 'denied',
};

function Value({ text }: { text: string }) {
  const value = structureOf(text);
  return value === undefined ? <pre>{text}</pre> : <JsonTree value={value} />;
}

const Question = ({ call, answer }: { call: Call; answer: (consent: Consent) => void }) => (
  <div class="consent" role="group" aria-label={`May ${call.name} be called?`}>
    <p>
      The model asks for this call to {serverOf(call.name)}. Its arguments are sent there, and the result goes to the model.
    </p>
    <div class="form-actions">
      <button type="button" class="button" onClick={() => answer('deny')}>
        Deny
      </button>
      <button type="button" class="button" onClick={() => answer('always')}>
        Always in this chat
      </button>
      <button type="button" class="button primary" onClick={() => answer('once')}>
        Allow once
      </button>
    </div>
  </div>
);

function CallView({ call }: { call: Call }) {
  const answer = questions.value.get(call.id);
  return (
    <details class="call" open={answer !== undefined}>
      <summary>
        <code>{call.name}</code> <span class="call-state">{answer ? 'asks for your consent' : kStates[call.state]}</span>
      </summary>
      <Value text={call.arguments} />
      {call.result !== undefined && (
        <div class="result">
          <Value text={call.result} />
        </div>
      )}
      {answer && <Question call={call} answer={answer} />}
    </details>
  );
}

export const Calls = ({ calls }: { calls: readonly Call[] }) => (
  <div class="calls">
    {calls.map((call) => (
      <CallView key={call.id} call={call} />
    ))}
  </div>
);
