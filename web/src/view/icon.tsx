// Line icons on a grid of 24.
const kLines = {
  back: 'M15 6l-6 6 6 6',
  forward: 'M9 6l6 6-6 6',
  down: 'M12 5v14M6 13l6 6 6-6',
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M7 7h10v10H7z',
  copy: 'M9 9h10v10H9zM5 15V5h10',
  again: 'M20 11a8 8 0 1 0-2.300 6.300M20 5v6h-6',
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5',
  more: 'M5 11.200v1.600M12 11.200v1.600M19 11.200v1.600',
  plus: 'M12 5v14M5 12h14',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5',
  close: 'M6 6l12 12M18 6L6 18',
  menu: 'M4 5h16v14H4zM9.500 5v14',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
  pulse: 'M3 12h4l3-7 4 14 3-7h4',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500L19 19M19 5l-1.500 1.500M6.500 17.500L5 19',
  moon: 'M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z',
  tokens: 'M4 7h6v4H4zM13 7h7v4h-7zM4 14h9v4H4zM16 14h4v4h-4z',
  pin: 'M9 4h6l-1 6 3 3v2H7v-2l3-3zM12 15v6',
  attach: 'M19 11l-7.500 7.500a4.500 4.500 0 0 1-6.400-6.400L13 4.300a3 3 0 0 1 4.300 4.300l-7.500 7.500a1.500 1.500 0 0 1-2.100-2.100L14 7.700',
  tree: 'M4 6h6M10 12h6M10 18h6M7 6v12h3M7 12h3',
  play: 'M8 5l11 7-11 7z',
  keyboard: 'M3 7h18v10H3zM7 11h.010M11 11h.010M15 11h.010M8 14h8',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  upload: 'M12 16V5M7 9l5-5 5 5M5 20h14',
  chat: 'M4 5h16v11H10l-5 4v-4H4z',
  warning: 'M12 4l9 16H3zM12 10v5M12 17.500v.010',
} as const;

export type IconName = keyof typeof kLines;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d={kLines[name]} />
  </svg>
);
