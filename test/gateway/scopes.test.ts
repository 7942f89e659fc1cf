// Who sees what, by the one function that decides it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sees, type Routing } from '../../src/gateway/scopes.ts'
import { grantsOf, ids } from './site.ts'

test('events of the organization tell of all its accounts: who is confined to some does not see them', () => {
  const routing: Routing = {
    kind: 'organization',
    organizationId: ids.organization,
    subjectId: ids.organization,
    type: 'setting.changed',
    seq: 1,
    contactSeq: null,
    teams: [],
    assignees: [],
  }
  assert.equal(sees(grantsOf({ role: 'supervisor' }), routing), true)
  assert.equal(sees(grantsOf({ role: 'supervisor', accountIds: [ids.account] }), routing), false)
  assert.equal(sees(grantsOf({ role: 'agent' }), routing), false)
})
