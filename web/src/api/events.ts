// Incremental parser of server-sent events: splits received text into the data of whole events.
export class EventReader {
  private rest = '';

  // The text may end anywhere, including between \r and \n.
  take(text: string): string[] {
    this.rest += text;
    const events: string[] = [];
    for (;;) {
      const end = /\r?\n\r?\n/.exec(this.rest);
      if (!end) return events;
      const data = dataOf(this.rest.slice(0, end.index));
      this.rest = this.rest.slice(end.index + end[0].length);
      if (data !== undefined) events.push(data);
    }
  }
}

function dataOf(event: string): string | undefined {
  const lines = event
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(line.startsWith('data: ') ? 6 : 5));
  return lines.length > 0 ? lines.join('\n') : undefined;
}
