// Mounts the agents' app.
// Between the page and React.

import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import './styles/tokens.css'
import './styles/base.css'
import './styles/list.css'
import './styles/thread.css'
import './styles/settings.css'
import './styles/shell.css'

const element = document.querySelector('#app')
if (element === null) throw new Error('the page has no #app')
createRoot(element).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
