// The words that cross HTTP and sockets, safe for browsers.
// Between doors and clients; the log's words (Avro, ids) are #schemas/log.

export * from './api/shapes.ts'
export * from './api/socket.ts'
export * from './api/asyncapi.ts'
export * from './api/requests.ts'
export * from './api/queries.ts'
export * from './api/settings.ts'
export * from './api/sessions.ts'
export * from './api/operations.ts'
export * from './permissions.ts'
