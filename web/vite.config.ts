import { defineConfig } from 'vite';

export default defineConfig({
  base: './', // relative addresses: the page also works under a path prefix of a reverse proxy
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  build: {
    outDir: 'dist',
    assetsInlineLimit: 0, // the page's policy allows no data: addresses
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    target: ['chrome123', 'firefox120', 'safari17.5'], // the oldest with light-dark()
    reportCompressedSize: false,
  },
});
