// tedious, the TDS client in JavaScript.
'use strict';

const fs = require('node:fs');
const { Connection, Request, TYPES } = require('tedious');
const { main, Wrong } = require('./scenarios.js');

const ENCRYPT = { clear: false, clear_without_tls: false, full: true, forced: true, strict: 'strict' };

function connect(server, level, options) {
  return new Promise((resolve, reject) => {
    const connection = new Connection({
      server: server.host,
      authentication: { type: 'default', options: { userName: server.user, password: server.password } },
      options: {
        port: server.port, encrypt: ENCRYPT[level], trustServerCertificate: false, serverName: 'localhost',
        packetSize: options.packetSize, useColumnNames: false, rowCollectionOnRequestCompletion: false, requestTimeout: 30000,
        cryptoCredentialsDetails: { ca: fs.readFileSync(server.ca) },
      },
    });
    connection.connect((problem) => (problem ? reject(problem) : resolve(connection)));
  });
}

function start(connection, sql, parameters, done) {
  const sets = [];
  const request = new Request(sql, (problem) => done(problem, sets));
  request.on('columnMetadata', () => sets.push([]));
  request.on('row', (row) => sets[sets.length - 1].push(row.map((cell) => cell.value)));
  if (parameters) {
    request.addParameter('t', TYPES.NVarChar, parameters.t);
    request.addParameter('n', TYPES.Int, parameters.n);
    connection.execSql(request);
  } else {
    connection.execSqlBatch(request);
  }
}

const settled = (act) => new Promise((resolve, reject) => act((problem, value) => (problem ? reject(problem) : resolve(value))));

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
  // A refused log-in becomes an error with the text only.
  showsAtLogin: [],
  reasons: {},
  // JavaScript's numbers end at 2^53; tedious gives bigint as text and decimal as a number.
  connect,
  query: (connection, sql, parameters) => settled((done) => start(connection, sql, parameters, done)),
  describe: (problem) => ({
    number: problem.number, state: problem.state, class: problem.class, line: problem.lineNumber, message: problem.message,
  }),
  begin: (connection) => settled((done) => connection.beginTransaction(done)),
  rollback: (connection) => settled((done) => connection.rollbackTransaction(done)),
  cancel: (connection, sql) => new Promise((resolve, reject) => {
    start(connection, sql, undefined, (problem) => {
      if (problem && problem.code === 'ECANCEL') resolve();
      else reject(problem || new Wrong('the cancelled statement ended without an error'));
    });
    setTimeout(() => connection.cancel(), 500);
  }),
  reset: (connection) => settled((done) => connection.reset(done)),
  close: (connection) => new Promise((resolve) => {
    connection.once('end', resolve);
    connection.close();
  }),
});
