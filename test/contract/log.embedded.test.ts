// The embedded log keeps the contract of the port.

import { describeLog } from './log.ts'
import { form } from './log.form.embedded.ts'

describeLog(form)
