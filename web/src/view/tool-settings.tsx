import { useId, useState } from 'preact/hooks';
import { toolServers, usesTools, type ToolServer } from '../storage/preferences';
import { connections, reconnect, type Connection } from '../state/tools';

const stateText = ({ state, tools, error }: Connection): string =>
  state === 'ready' ? `${tools.length} ${tools.length === 1 ? 'tool' : 'tools'}: ${tools.map(({ name }) => name).join(', ')}`
  : state === 'connecting' ? 'connecting…'
  : (error ?? 'failed');

function Server({ server }: { server: ToolServer }) {
  const connection = connections.value.find((one) => one.server.url === server.url);
  return (
    <li>
      <span class="tool-server">{server.url}</span>
      <button
        type="button"
        class="button"
        aria-label={`Remove ${server.url}`}
        onClick={() => (toolServers.value = toolServers.value.filter(({ url }) => url !== server.url))}
      >
        Remove
      </button>
      {connection && <small role="status">{stateText(connection)}</small>}
    </li>
  );
}

const isUrl = (text: string): boolean => {
  try {
    return /^https?:$/.test(new URL(text).protocol);
  } catch {
    return false;
  }
};

function NewServer() {
  const id = useId();
  const [url, setUrl] = useState('');
  const [token, setToken] = useState('');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const others = toolServers.value.filter((server) => server.url !== url);
        toolServers.value = [...others, { url, ...(token && { token }) }];
        setUrl('');
        setToken('');
      }}
    >
      <div class="field wide">
        <label for={`${id}-url`}>Address of an MCP server</label>
        <input
          id={`${id}-url`}
          type="url"
          required
          value={url}
          placeholder="http://127.0.0.1:3000/mcp"
          onInput={(event) => {
            const input = event.currentTarget;
            input.setCustomValidity(input.value === '' || isUrl(input.value) ? '' : 'an address begins with http:// or https://');
            setUrl(input.value);
          }}
        />
      </div>
      <div class="field wide">
        <label for={`${id}-token`}>Its token</label>
        <input
          id={`${id}-token`}
          type="password"
          autocomplete="off"
          value={token}
          placeholder="none"
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </div>
      <button type="submit" class="button">
        Add the server
      </button>
    </form>
  );
}

export const ToolSettings = () => (
  <>
    <label class="check">
      <input type="checkbox" checked={usesTools.value} onChange={(event) => (usesTools.value = event.currentTarget.checked)} />
      Let the model call tools of MCP servers, each time with your consent
    </label>
    {usesTools.value && (
      <>
        <ul class="tool-servers">
          {toolServers.value.map((server) => (
            <Server key={server.url} server={server} />
          ))}
        </ul>
        <NewServer />
        {toolServers.value.length > 0 && (
          <button type="button" class="button" onClick={reconnect}>
            Connect again
          </button>
        )}
      </>
    )}
  </>
);
