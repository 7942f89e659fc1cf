// The panel beside the thread: the contact, how to reach them, what is known of them and of this conversation.
// Between a contact's record and an agent who wants to know whom they talk to.

import { useEffect, type ReactElement, type ReactNode } from 'react'
import type { Conversation } from '#schemas'
import { LabelChip } from '../list/conversation-row.tsx'
import { Avatar } from '../parts/avatar.tsx'
import { ChannelMark, channelName, Icon } from '../parts/icons.tsx'
import { useInbox, useSlice } from '../state/hooks.ts'
import { contactNameOf } from '../words/names.ts'
import { plainTime } from '../words/times.ts'

const Fact = ({ term, children }: { readonly term: string; readonly children: ReactNode }): ReactElement => (
  <div className="fact">
    <dt>{term}</dt>
    <dd>{children}</dd>
  </div>
)

const ContactFacts = ({ row }: { readonly row: Conversation }): ReactElement => {
  const contact = useSlice((state) => state.contacts.get(row.contactId))
  const optedOut = contact?.identities.some((identity) => identity.conversationId === row.id && identity.optedOut) === true
  return (
    <dl className="facts">
      {row.contact.address === null || row.channel === 'web' ? null : <Fact term="Address">{row.contact.address}</Fact>}
      {contact?.emails.map((email) => (
        <Fact key={email} term="E-mail">
          {email}
        </Fact>
      ))}
      {contact?.phones
        .filter((phone) => phone !== row.contact.address)
        .map((phone) => (
          <Fact key={phone} term="Phone">
            {phone}
          </Fact>
        ))}
      {contact?.company == null ? null : <Fact term="Company">{contact.company}</Fact>}
      {contact?.locale == null ? null : <Fact term="Language">{contact.locale}</Fact>}
      {optedOut ? <Fact term="Opted out">Messages are refused until they write START</Fact> : null}
      {Object.entries(contact?.attributes ?? {}).map(([key, value]) => (
        <Fact key={key} term={key}>
          {value}
        </Fact>
      ))}
      {contact === undefined ? null : <Fact term="Known since">{plainTime(contact.createdAt)}</Fact>}
    </dl>
  )
}

const ConversationFacts = ({ row }: { readonly row: Conversation }): ReactElement => {
  const account = useSlice((state) => state.accounts.get(row.accountId)?.name)
  const labels = useSlice((state) => state.labels)
  const mayAudit = useSlice((state) => state.me.permissions.includes('audit.read'))
  return (
    <dl className="facts">
      <Fact term="Account">
        <ChannelMark channel={row.channel} /> {account ?? channelName(row.channel)}
      </Fact>
      <Fact term="Reference">
        <code>{row.ref}</code>
      </Fact>
      <Fact term="Started">{plainTime(row.createdAt)}</Fact>
      {row.cycle > 1 ? <Fact term="Times opened">{row.cycle}</Fact> : null}
      {row.window === null ? null : <Fact term="Window until">{plainTime(row.window.expiresAt)}</Fact>}
      {row.labels.length === 0 ? null : (
        <Fact term="Labels">
          <span className="facts__chips">
            {row.labels
              .flatMap((id) => labels.get(id) ?? [])
              .map((label) => (
                <LabelChip key={label.id} label={label} />
              ))}
          </span>
        </Fact>
      )}
      {Object.entries(row.attributes).map(([key, value]) => (
        <Fact key={key} term={key}>
          {value}
        </Fact>
      ))}
      {mayAudit ? (
        <Fact term="Audit">
          <a href={`/v1/conversations/${row.id}/events`} target="_blank" rel="noreferrer">
            All {row.seq} events
          </a>
        </Fact>
      ) : null}
    </dl>
  )
}

export const Details = ({ row, onClose }: { readonly row: Conversation; readonly onClose: () => void }): ReactElement => {
  const inbox = useInbox()
  const name = contactNameOf(row)
  useEffect(() => inbox.loadContact(row.contactId), [inbox, row.contactId])
  return (
    <aside className="details" aria-label="Details">
      <div className="details__bar">
        <h2>Details</h2>
        <button type="button" className="button button--quiet button--icon" title="Close (D)" aria-label="Close details" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <div className="details__body">
        <div className="details__person">
          <Avatar id={row.contactId} name={name} size={3.25} />
          <div>
            <p className="details__name">{name}</p>
            {row.isBlocked ? <p className="state state--blocked">Blocked</p> : null}
          </div>
        </div>
        <h3>Contact</h3>
        <ContactFacts row={row} />
        <h3>Conversation</h3>
        <ConversationFacts row={row} />
      </div>
    </aside>
  )
}
