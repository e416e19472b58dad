// SAP's CAP as an OData v4 service over SQLite in memory (sql.js, so that nothing is built); prints its port.
const cds = require('@sap/cds')
const express = require('express')

const keyOf = request => request.params[0].ID ?? request.params[0]

const handlers = service => {
  service.on('total', request => (request.data.of === "a'b" ? '12.50' : '0'))
  service.on('submit', ({ data }) => `${data.book}: ${data.amount}`)
  service.on('worth', 'Books', () => '3.25')
  service.on('restock', 'Books', async request => {
    await UPDATE('shop.Books', keyOf(request)).with({ stock: { '+=': request.data.amount } })
    return SELECT.one.from('shop.Books', keyOf(request))
  })
}

const run = async () => {
  cds.log.format = () => []
  cds.env.requires.db = { kind: 'sqlite', impl: '@cap-js/sqlite', driver: 'sql.js', credentials: { url: ':memory:' } }
  cds.env.requires.auth = { kind: 'dummy' }
  const loaded = await cds.load(process.argv[2])
  cds.model = cds.compile.for.nodejs(loaded)
  cds.db = await cds.connect.to('db')
  await cds.deploy(loaded).to(cds.db)
  await INSERT.into('shop.Company').entries({ ID: 1, name: 'Paper & Co', town: 'York' })
  const app = express()
  await cds.serve('all').from(loaded).in(app).with(handlers)
  const listening = app.listen(0, '127.0.0.1', () => process.stdout.write(`${listening.address().port}\n`))
}

console.log = console.info = console.warn = () => {}
run().catch(error => { console.error(error); process.exit(1) })
