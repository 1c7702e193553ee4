const kLongest = 60; // characters

// What a conversation is called until somebody names it: how its first message begins.
export function titleOf(text: string): string {
  const line = text.trim().split('\n', 1)[0]!.replace(/\s+/g, ' ').trim();
  if (line === '') return 'New conversation';
  if (line.length <= kLongest) return line;
  const cut = line.slice(0, kLongest);
  const space = cut.lastIndexOf(' ');
  return `${(space > kLongest / 2 ? cut.slice(0, space) : cut).trimEnd()}…`;
}
