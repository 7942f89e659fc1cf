// Builds the web-chat widget into dist/chat: the loader as one classic script (chat.js), the panel as a page of its own.
// The loader stands on strangers' pages, so it is no module and shares no chunk with anything.

import { fileURLToPath } from 'node:url'
import { build, defineConfig, type Plugin } from 'vite'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const loader = (): Plugin => {
  let outDir = here('../../dist/chat')
  return {
    name: 'confab-loader',
    apply: 'build',
    configResolved: (config) => {
      outDir = config.build.outDir
    },
    // After the panel, which empties the directory.
    closeBundle: async () => {
      await build({
        configFile: false,
        logLevel: 'warn',
        publicDir: false,
        build: {
          outDir,
          emptyOutDir: false,
          target: 'es2022',
          lib: { entry: here('./loader.ts'), formats: ['iife'], name: 'confabLoader', fileName: () => 'chat.js' },
        },
      })
    },
  }
}

export default defineConfig({
  root: here('.'),
  base: '/chat/',
  plugins: [loader()],
  build: {
    outDir: here('../../dist/chat'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: here('./panel.html') },
  },
})
