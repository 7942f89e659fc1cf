// The two pages that the server draws itself: where everything is, and a page to try the web chat on.
// Between a newcomer with a browser and the inbox, the docs and the widget. No script of their own, nothing from elsewhere.

/** The same mark as the inbox's own icon: two bubbles in a square. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#2f5fd0"/><path d="M8 10.500A2.500 2.500 0 0 1 10.500 8h8A2.500 2.500 0 0 1 21 10.500v4a2.500 2.500 0 0 1-2.500 2.500H13l-3.600 2.900a.4.4 0 0 1-.65-.31V17A2.500 2.500 0 0 1 8 14.800z" fill="#fff"/><path d="M23 13.500h.2A2.300 2.300 0 0 1 25.500 15.800v4.700a2.300 2.300 0 0 1-1.600 2.200v2.100a.4.4 0 0 1-.65.3L20.300 22.800h-4.600a2.300 2.300 0 0 1-2.200-1.600h5.200A4.300 4.300 0 0 0 23 16.900z" fill="#fff" opacity=".72"/></svg>`

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const STYLE = `
:root { color-scheme: light dark; --ground: #f6f7fb; --card: #fff; --ink: #1c2333; --soft: #5d6780; --line: #e3e7f0; --accent: #2f5fd0 }
@media (prefers-color-scheme: dark) { :root { --ground: #12151d; --card: #1b202c; --ink: #eef1f8; --soft: #9aa5bd; --line: #2b3242; --accent: #7f9cff } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { max-width: 46rem; margin: 0 auto; padding: clamp(2rem, 8vh, 6rem) 1.5rem 8rem }
h1 { font-size: clamp(1.8rem, 4vw, 2.6rem); line-height: 1.15; letter-spacing: -.02em; margin: 0 0 .75rem }
a { color: var(--accent) }
p { color: var(--soft); margin: 0 0 1rem; max-width: 38rem }
ul { list-style: none; padding: 0; margin: 2rem 0; display: grid; gap: .75rem }
li a, .card { display: block; background: var(--card); border: 1px solid var(--line); border-radius: .9rem; padding: 1.1rem 1.3rem; color: inherit; text-decoration: none }
li a:hover, li a:focus-visible { border-color: var(--accent); outline: none; box-shadow: 0 0 0 3px color-mix(in srgb, var(--accent) 22%, transparent) }
li strong, .card strong { display: block; color: var(--accent) }
li span { color: var(--soft); font-size: .95rem }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, monospace; background: color-mix(in srgb, var(--accent) 10%, transparent); padding: .1em .35em; border-radius: .35em }
.mark { display: block; width: 2.75rem; height: 2.75rem; margin-bottom: 1.5rem }
.card p { margin: .35rem 0 0 }
.card code { display: block; margin-top: .75rem; padding: .75rem .9rem; overflow-wrap: anywhere }
footer { color: var(--soft); font-size: .9rem; margin-top: 3rem }
.shelf { display: grid; grid-template-columns: repeat(3, 1fr); gap: 1rem; margin: 2rem 0 1.5rem }
.shelf div { height: 6rem; border-radius: .9rem; background: linear-gradient(140deg, color-mix(in srgb, var(--accent) 30%, var(--card)), var(--card)); border: 1px solid var(--line) }
/* The open chat covers the right of a wide page: what is to be read stands left of it. */
@media (min-width: 64rem) { .beside { margin-left: max(1.5rem, calc(50vw - 36rem)); padding-left: 0; max-width: 38rem } }
`

const mark = '<img class="mark" src="/favicon.ico" alt="">'

const page = (title: string, body: string, tail = ''): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escape(title)}</title><link rel="icon" href="/favicon.ico" type="image/svg+xml"><link rel="stylesheet" href="/page.css"></head><body>${body}${tail}</body></html>`

export const styleSheet = STYLE

export interface FirstPage {
  /** Whether anyone has a session: before that the one-time link is the way in. */
  readonly hasSignedIn: boolean
}

/** `/`: where everything is. */
export const firstPage = ({ hasSignedIn }: FirstPage): string =>
  page(
    'Confab',
    `<main>${mark}
<h1>Confab is running.</h1>
<p>${
      hasSignedIn
        ? 'Someone has signed in already. Open the inbox to answer, or write to yourself as a customer would.'
        : 'Nobody has signed in yet. Open the one-time sign-in link that the server printed when it started; <code>npx confab token sign-in owner@localhost</code> makes another.'
    }</p>
<ul>
<li><a href="/inbox/"><strong>Inbox</strong><span>Where agents read and answer.</span></a></li>
<li><a href="/try"><strong>Try the web chat</strong><span>A page with the widget on it: you are the customer.</span></a></li>
<li><a href="/docs"><strong>API</strong><span>Every path, with what goes in and comes out.</span></a></li>
</ul>
<footer>As files: <a href="/openapi.json">openapi.json</a> for HTTP, <a href="/asyncapi.json">asyncapi.json</a> for the socket. The owner’s API token lies in <code>admin-token</code> in the data directory; only the user that runs the server can read it.</footer></main>`,
  )

/** `/try`: a shop that is none, with the widget of an organization's first web account. */
export const tryPage = (account: { readonly id: string; readonly name: string } | null, publicUrl: string): string =>
  account === null
    ? page(
        'Try the web chat',
        `<main>${mark}
<h1>No web chat yet.</h1>
<p>Create an account of the channel <code>web</code> in the inbox’s settings, or by <code>POST /v1/accounts</code>.</p></main>`,
      )
    : page(
        'Try the web chat',
        `<main class="beside">${mark}
<h1>This could be your page.</h1>
<p>The button in the corner opens <em>${escape(account.name)}</em>, as your customers would see it. Write something, and open the <a href="/inbox/" target="_blank">inbox</a> in another window: it is there at once, and so is your answer here.</p>
<div class="shelf" aria-hidden="true"><div></div><div></div><div></div></div>
<div class="card"><strong>Put it on a page of yours</strong><p>One line, anywhere in the page:</p><code>${escape(`<script src="${publicUrl}/chat.js" data-account="${account.id}" async></script>`)}</code></div></main>`,
        `<script src="/chat.js" data-account="${escape(account.id)}" async></script>`,
      )
