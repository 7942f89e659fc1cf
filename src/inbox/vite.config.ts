// Builds the agents' app into dist/inbox, to be served below /inbox/.
// Nothing is inlined: the page's policy allows no inline script and no data: URL for one.

import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: here('.'),
  base: '/inbox/',
  plugins: [react()],
  build: {
    outDir: here('../../dist/inbox'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
})
