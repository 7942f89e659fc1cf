// Mounts the agents' app.
// Between the page and React.

import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import './tokens.css'
import './base.css'
import './shell.css'
import './list/list.css'
import './thread/thread.css'
import './settings/settings.css'

const element = document.querySelector('#app')
if (element === null) throw new Error('the page has no #app')
createRoot(element).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
