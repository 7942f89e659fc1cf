// Which record types lie in which topic, under which name: the header `type` of a record, and the subjects of the registry.
// A record type's subject is `<topic>-<Avro record name>`, one record type a subject.

import type { RecordShape } from './avro.ts'
import { commandRecords, contactCommandData, operatorCommandData } from './commands.ts'
import { contentRecords } from './contents.ts'
import { eventRecords, subjectKindOf, type EventType } from './events.ts'
import { settingRecords, uniqueSetting } from './settings.ts'
import * as effects from './effects.ts'
import * as ownership from './ownership.ts'
import { queueRecord } from './queues.ts'
import * as states from './states.ts'
import { requestLog } from './telemetry.ts'

const prefixed = (prefix: string, records: Readonly<Record<string, RecordShape<unknown>>>): Record<string, RecordShape<unknown>> =>
  Object.fromEntries(Object.entries(records).map(([name, shape]) => [`${prefix}${name}`, shape]))

const pick = (records: Readonly<Record<string, RecordShape<unknown>>>, wanted: (name: string) => boolean) =>
  Object.fromEntries(Object.entries(records).filter(([name]) => wanted(name)))

const ofContact = (type: string): boolean => subjectKindOf(type as EventType) === 'contact'
const isContactCommand = (type: string): boolean => type in contactCommandData || type in operatorCommandData
const isOthersCommand = (type: string): boolean => !(type in contactCommandData)

/** topic → header `type` → shape. Contents have the type `content.<kind>`. */
export const catalogue: Readonly<Record<string, Readonly<Record<string, RecordShape<unknown>>>>> = {
  raw: { request: states.rawRequest },
  commands: pick(commandRecords, isOthersCommand),
  'contact-commands': pick(commandRecords, isContactCommand),
  outcomes: { outcome: states.outcome, position: states.positionRecord },
  events: { ...pick(eventRecords, (type) => !ofContact(type)), ...prefixed('content.', contentRecords) },
  'contact-events': { ...pick(eventRecords, ofContact), ...prefixed('content.', contentRecords) },
  conversations: { parked: states.parkedMark, conversation: states.conversationSnapshot, organization: states.organizationSnapshot },
  contacts: { parked: states.parkedMark, contact: states.contactSnapshot, profile: states.profileRow },
  messages: {
    message: states.messageRow,
    alias: states.aliasRow,
    early: states.earlyRow,
    echoes: states.echoesRow,
    address: states.addressRow,
    attributes: states.attributesRow,
  },
  outbox: {
    send: effects.effectSend,
    fetch: effects.effectFetch,
    timer: effects.effectTimer,
    tell: effects.effectTell,
    drop: effects.effectDrop,
    signal: effects.effectSignal,
    profile: effects.effectProfile,
  },
  sends: { send: states.sendRecord },
  marks: { mark: states.mark },
  config: { ...settingRecords, unique: uniqueSetting },
  ownership: {
    lease: ownership.leaseRecord,
    backfill: ownership.backfillMark,
    queue: queueRecord,
    import: ownership.importMark,
    node: ownership.nodeRecord,
  },
  schemas: { schema: states.schemaRecord },
  'dead-letters': { 'dead-letter': states.deadLetter },
  logs: { request: requestLog },
}
