// What a message says: text with its links, pictures and files, a place, a tapped answer, a template; plainly where it is nothing known.
// Between content, which comes from strangers and is only ever text to us, and a bubble.

import type { ReactElement } from 'react'
import type { Attachment, Content } from '#schemas'
import { Icon } from '../parts/icons.tsx'
import { isLinkSpent, linkedText, sizeWords } from '../words/text.ts'

const Text = ({ text }: { readonly text: string }): ReactElement => (
  <p className="content__text">
    {linkedText(text).map((part, index) =>
      part.href === undefined ? (
        part.text
      ) : (
        // The order of parts is that of the text, which does not change under its key.
        <a key={index} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
          {part.text}
        </a>
      ),
    )}
  </p>
)

const attachmentStates = {
  ready: '…',
  fetching: 'Being fetched…',
  failed: 'Could not be fetched',
  blocked: 'Blocked: this kind of file is not shown',
} as const

interface AttachmentProps {
  readonly attachment: Attachment
  /** Asks for fresh links. */
  readonly onSpent: () => void
}

const AttachmentView = ({ attachment, onSpent }: AttachmentProps): ReactElement => {
  const name = attachment.name ?? `${attachment.kind[0]?.toUpperCase() ?? ''}${attachment.kind.slice(1)}`
  const { url, kind, state } = attachment
  if (state !== 'ready' || url === undefined) {
    return (
      <span className={`file file--${state}`}>
        <Icon name={state === 'fetching' ? 'clock' : 'file'} />
        <span className="file__name">{name}</span>
        <span className="file__hint">{attachmentStates[state]}</span>
      </span>
    )
  }
  const renew = (): void => {
    if (isLinkSpent(url, Date.now())) onSpent()
  }
  if (kind === 'image' || kind === 'sticker') {
    return (
      <a className={`picture picture--${kind}`} href={url} target="_blank" rel="noopener noreferrer" onPointerEnter={renew} onFocus={renew}>
        <img src={url} alt={attachment.name ?? 'Picture'} loading="lazy" onError={renew} />
      </a>
    )
  }

  // oxlint-disable-next-line jsx-a11y/media-has-caption -- there are none to offer
  if (kind === 'audio') return <audio className="sound" controls preload="none" src={url} aria-label={name} onError={renew} />
  // oxlint-disable-next-line jsx-a11y/media-has-caption -- there are none to offer
  if (kind === 'video') return <video className="picture" controls preload="metadata" src={url} aria-label={name} onError={renew} />
  return (
    <a className="file" href={url} download={name} onPointerEnter={renew} onFocus={renew}>
      <Icon name="file" />
      <span className="file__name">{name}</span>
      <span className="file__hint">{attachment.sizeBytes === null ? attachment.contentType : sizeWords(attachment.sizeBytes)}</span>
    </a>
  )
}

const Place = ({ location }: { readonly location: NonNullable<Content['location']> }): ReactElement => (
  <span className="file">
    <Icon name="pin" />
    <span className="file__name">{location.name ?? location.address ?? 'A place'}</span>
    <span className="file__hint">
      {location.latitude.toFixed(5)}, {location.longitude.toFixed(5)}
    </span>
  </span>
)

interface ContentProps {
  readonly content: Content | null
  readonly isErased: boolean
  readonly onSpent: () => void
}

export const ContentView = ({ content, isErased, onSpent }: ContentProps): ReactElement => {
  if (content === null) return <p className="content__gone">{isErased ? 'Erased' : 'No longer available'}</p>
  const { text, attachments, location, answer, template } = content
  const isEmpty = !text && !attachments?.length && location === undefined && answer === undefined && template === undefined
  return (
    <>
      {attachments?.map((attachment, index) => (
        <AttachmentView key={attachment.fileId ?? index} attachment={attachment} onSpent={onSpent} />
      ))}
      {location === undefined ? null : <Place location={location} />}
      {answer === undefined ? null : (
        <p className="content__text">
          <span className="content__kind">Chose</span> {answer.text}
        </p>
      )}
      {template === undefined ? null : (
        <p className="content__text">
          <span className="content__kind">Template</span> {template.name}
        </p>
      )}
      {text === undefined || text === '' ? null : <Text text={text} />}
      {isEmpty ? <p className="content__gone">This kind of message cannot be shown here.</p> : null}
    </>
  )
}
