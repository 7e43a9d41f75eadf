// node-mssql: pools, requests and transactions on top of tedious.
'use strict';

const fs = require('node:fs');
const sql = require('mssql');
const { main, Wrong } = require('./scenarios.js');

const ENCRYPT = { clear: false, clear_without_tls: false, full: true, forced: true, strict: 'strict' };

async function connect(server, level, options) {
  const pool = new sql.ConnectionPool({
    server: server.host, port: server.port, user: server.user, password: server.password, arrayRowMode: true,
    requestTimeout: 30000, pool: { max: 1, min: 1 },
    options: {
      encrypt: ENCRYPT[level], trustServerCertificate: false, serverName: 'localhost', packetSize: options.packetSize,
      cryptoCredentialsDetails: { ca: fs.readFileSync(server.ca) },
    },
  });
  await pool.connect();
  return { pool, transaction: null };
}

function request(connection) {
  return connection.transaction ? connection.transaction.request() : connection.pool.request();
}

async function query(connection, text, parameters) {
  const asked = request(connection);
  if (!parameters) return (await asked.batch(text)).recordsets;
  asked.input('t', sql.NVarChar, parameters.t);
  asked.input('n', sql.Int, parameters.n);
  return (await asked.query(text)).recordsets;
}

main({
  levels: {
    clear: null,
    clear_without_tls: null,
    login_only: 'tedious says ENCRYPT_NOT_SUP or ENCRYPT_ON, never ENCRYPT_OFF',
    full: null,
    forced: null,
    strict: null,
  },
  shows: ['number', 'state', 'class', 'line'],
  showsAtLogin: [],
  reasons: { reset: 'node-mssql takes connections out of its pool without a reset' },
  connect,
  query,
  describe: (problem) => ({
    number: problem.number, state: problem.state, class: problem.class, line: problem.lineNumber, message: problem.message,
  }),
  begin: async (connection) => {
    connection.transaction = connection.pool.transaction();
    await connection.transaction.begin();
  },
  rollback: async (connection) => {
    await connection.transaction.rollback();
    connection.transaction = null;
  },
  cancel: async (connection, text) => {
    const asked = connection.pool.request();
    setTimeout(() => asked.cancel(), 500);
    try {
      await asked.batch(text);
    } catch (problem) {
      if (problem.code === 'ECANCEL') return;
      throw problem;
    }
    throw new Wrong('the cancelled statement ended without an error');
  },
  close: (connection) => connection.pool.close(),
});
