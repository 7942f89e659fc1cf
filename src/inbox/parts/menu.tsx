// A button that opens a menu in the top layer: arrow keys move, a letter finds, Escape closes and gives the focus back.
// Between the actions of a pane and the Popover API, which brings the light dismissal.

import { useEffect, useId, useRef, type KeyboardEvent, type ReactElement, type ReactNode } from 'react'

interface MenuProps {
  /** What the button says; an icon alone needs `title`. */
  readonly label: ReactNode
  readonly title: string
  readonly className?: string
  readonly children: ReactNode
  readonly isDisabled?: boolean
  /** A number that grows opens it: how a key of the keyboard does. */
  readonly openSignal?: number
  readonly onOpen?: () => void
}

const MARGIN_PX = 6

/** Below the button and flush with its nearer edge; above it where there is no room below. */
const place = (button: HTMLElement, menu: HTMLElement): void => {
  const anchor = button.getBoundingClientRect()
  const { width, height } = menu.getBoundingClientRect()
  const isLeft = anchor.left + width + MARGIN_PX < window.innerWidth
  const left = isLeft ? anchor.left : Math.max(MARGIN_PX, anchor.right - width)
  const below = anchor.bottom + MARGIN_PX
  const top = below + height < window.innerHeight ? below : Math.max(MARGIN_PX, anchor.top - height - MARGIN_PX)
  menu.style.left = `${left}px`
  menu.style.top = `${top}px`
}

const itemsOf = (menu: HTMLElement): HTMLElement[] => [...menu.querySelectorAll<HTMLElement>('[role^="menuitem"]:not(:disabled)')]

const moveFocus = (menu: HTMLElement, key: string): boolean => {
  const items = itemsOf(menu)
  const at = items.indexOf(document.activeElement as HTMLElement)
  const next =
    key === 'ArrowDown'
      ? items[(at + 1) % items.length]
      : key === 'ArrowUp'
        ? items.at(at <= 0 ? -1 : at - 1)
        : key === 'Home'
          ? items[0]
          : key === 'End'
            ? items.at(-1)
            : /^\S$/.test(key)
              ? [...items.slice(at + 1), ...items].find((item) => item.textContent.trim().toLowerCase().startsWith(key.toLowerCase()))
              : undefined
  next?.focus()
  return next !== undefined
}

export const Menu = ({ label, title, className, children, isDisabled, openSignal = 0, onOpen }: MenuProps): ReactElement => {
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  const menu = useRef<HTMLDivElement>(null)

  useEffect(() => {
    if (openSignal > 0) menu.current?.showPopover()
  }, [openSignal])

  useEffect(() => {
    const element = menu.current
    const anchor = button.current
    if (element === null || anchor === null) return undefined
    const toggled = (event: Event): void => {
      const isOpen = (event as ToggleEvent).newState === 'open'
      anchor.setAttribute('aria-expanded', String(isOpen))
      if (!isOpen) return
      onOpen?.()
      place(anchor, element)
      itemsOf(element)[0]?.focus()
    }
    element.addEventListener('toggle', toggled)
    return () => element.removeEventListener('toggle', toggled)
  }, [onOpen])

  const keyed = (event: KeyboardEvent): void => {
    if (event.key === 'Tab') menu.current?.hidePopover()
    else if (!event.ctrlKey && !event.metaKey && !event.altKey && menu.current !== null && moveFocus(menu.current, event.key)) {
      event.preventDefault()
    }
    // The keys of the pages behind rest while a menu is open.
    if (event.key !== 'Escape') event.stopPropagation()
  }

  return (
    <>
      <button
        ref={button}
        type="button"
        className={className ?? 'button button--quiet'}
        popoverTarget={id}
        aria-haspopup="menu"
        aria-expanded="false"
        title={title}
        disabled={isDisabled === true}
      >
        {label}
      </button>
      <div ref={menu} id={id} className="menu" popover="auto" role="menu" tabIndex={-1} aria-label={title} onKeyDown={keyed}>
        {children}
      </div>
    </>
  )
}

interface MenuItemProps {
  readonly onSelect: () => void
  readonly children: ReactNode
  readonly icon?: ReactNode
  readonly hint?: ReactNode
  /** Set: the item is one that can be ticked. */
  readonly isChecked?: boolean
  /** Ticking several: the menu stays. */
  readonly keepsOpen?: boolean
}

export const MenuItem = ({ onSelect, children, icon, hint, isChecked, keepsOpen }: MenuItemProps): ReactElement => (
  <button
    type="button"
    className="menu__item"
    role={isChecked === undefined ? 'menuitem' : 'menuitemcheckbox'}
    tabIndex={-1}
    {...(isChecked === undefined ? {} : { 'aria-checked': isChecked })}
    onClick={(event) => {
      if (keepsOpen !== true) event.currentTarget.closest<HTMLElement>('[popover]')?.hidePopover()
      onSelect()
    }}
  >
    {icon}
    <span className="menu__item-text">{children}</span>
    {hint === undefined ? null : <span className="menu__item-hint">{hint}</span>}
  </button>
)
