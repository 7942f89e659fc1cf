// A second generation of `marks`, for one test: a topic and a record that no compatible change leads to. Loaded before the codec, in every
// thread, by `node --import`.

import { topicNames, topics, type Topic } from '#topics'
import { catalogue } from '../../schemas/log/catalogue.ts'
import { boolean, optional, record, text } from '../../schemas/log/avro.ts'
import { mark } from '../../schemas/log/states.ts'

const { draft: _draft, isNoteDraft: _isNoteDraft, ...kept } = mark.fields

/** The draft and whether it is a note, as one field: a breaking change. */
export const newerMark = record('Mark', { ...kept, draft: optional(record('Draft', { text, isNote: boolean })) })

export const MARKS_2 = 'marks.v2' as Topic

Object.assign(topics, { [MARKS_2]: { ...topics.marks } })
topicNames.push(MARKS_2)
Object.assign(catalogue, { [MARKS_2]: { mark: newerMark } })
