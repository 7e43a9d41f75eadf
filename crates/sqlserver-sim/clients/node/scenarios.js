// The scenarios of the matrix, asked of one JavaScript client through its adapter. No client's own API lives here.
//
// An adapter has: levels {level: null or the reason}, shows, reasons {scenario: reason}, connect(server, level, options),
// query(connection, sql, parameters) → result sets of rows of values, begin, rollback, cancel(connection, sql),
// reset(connection), close(connection), describe(error).
'use strict';

const childProcess = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const ask = JSON.parse(fs.readFileSync(path.join(__dirname, '..', 'scenarios.json'), 'utf8'));
const LOGIN = {
  clear: ['OPEN', 'FALSE'], clear_without_tls: ['WITHOUT_TLS', 'FALSE'], login_only: ['OPEN', 'FALSE'],
  full: ['OPEN', 'TRUE'], forced: ['FORCED', 'TRUE'], strict: ['STRICT', 'TRUE'],
};
class Wrong extends Error {}

// A value as the text that scenarios.json expects.
function canonical(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (Buffer.isBuffer(value)) return value.toString('hex').toUpperCase();
  if (value instanceof Date) return value.toISOString().replace('T', ' ').replace('Z', '');
  return String(value);
}

function check(found, wanted, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Wrong(`${what}: found ${String(a).slice(0, 200)}, wanted ${String(b).slice(0, 200)}`);
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

class Matrix {
  constructor(client, papers) {
    this.client = client;
    this.papers = papers;
    const ca = process.env.MATRIX_CA || path.join(papers, 'ca.pem');
    this.servers = {};
    for (const entry of JSON.parse(fs.readFileSync(path.join(papers, 'fleet.json'), 'utf8'))) {
      this.servers[entry.name] = { host: 'localhost', port: entry.port, ca, ...ask.login };
    }
    this.opened = [];
  }

  async open(host = 'OPEN', options = {}) {
    const server = { ...this.servers[host], ...(options.password ? { password: options.password } : {}) };
    const connection = await this.client.connect(server, options.level || 'full', options);
    this.opened.push(connection);
    return connection;
  }

  async sets(connection, sql, parameters) {
    const sets = await this.client.query(connection, sql, parameters);
    return sets.map((rows) => rows.map((row) => row.map(canonical)));
  }

  async scalar(connection, sql) {
    const sets = (await this.sets(connection, sql)).filter((rows) => rows.length);
    return sets.length ? sets[0][0][0] : null;
  }

  async run(only) {
    const scenarios = Object.keys(LOGIN).map((level) => 'login:' + level).concat([
      'refused', 'untrusted', 'types', 'variant', 'parameter', 'error', 'syntax_error', 'result_sets', 'rollback', 'cancel',
      'reset', 'big_batch', 'small_packets', 'topic']);
    for (const scenario of scenarios.filter((name) => !only.length || only.includes(name))) {
      const started = Date.now();
      const [name, level] = scenario.split(':');
      const reason = level ? this.client.levels[level] : this.client.reasons[name];
      let outcome = 'pass';
      let detail = '';
      try {
        if (reason) [outcome, detail] = ['unsupported', reason];
        else detail = (await this[name](level)) || '';
      } catch (problem) {
        [outcome, detail] = ['fail', problem instanceof Wrong ? problem.message : String(problem.stack)];
      }
      for (const connection of this.opened.splice(0)) await this.client.close(connection);
      console.log(JSON.stringify({ scenario, outcome, detail, seconds: (Date.now() - started) / 1000 }));
    }
  }

  async login(level) {
    const [host, encrypted] = LOGIN[level];
    const connection = await this.open(host, { level });
    const [[row]] = await this.sets(connection, ask.who.sql);
    check(row, [ask.who.user, ask.who.database, encrypted], 'who am I, where, encrypted');
  }

  refused() {
    return this.raises(() => this.open('OPEN', { password: 'not the password' }), ask.refused, this.client.showsAtLogin);
  }

  // In a process of its own, as with the other clients.
  untrusted() {
    const answer = childProcess.spawnSync(process.execPath, [process.argv[1], this.papers, 'login:full'], {
      encoding: 'utf8', timeout: 60000, env: { ...process.env, MATRIX_CA: path.join(this.papers, 'other-ca.pem') },
    });
    check(JSON.parse(answer.stdout).outcome, 'fail', 'logging in to a server whose certificate another CA signed');
  }

  async types() {
    const sql = 'SELECT ' + ask.types.map((t) => `${t.sql} AS [${t.name}]`).join(', ');
    const [[row]] = await this.sets(await this.open(), sql);
    ask.types.forEach((t, i) => check(row[i], (this.client.alike || {})[t.name] || t.value, t.name));
  }

  async variant() {
    const [[row]] = await this.sets(await this.open(), ask.variant.sql);
    check(row[0], ask.variant.first, 'sql_variant of an int');
    if (!row[1]) throw new Wrong('sql_variant of a text is empty');
  }

  async parameter() {
    const connection = await this.open();
    for (const text of [ask.parameter.text, 'again ' + ask.parameter.text]) {
      const [[row]] = await this.sets(connection, 'SELECT @t AS t, @n AS n', { t: text, n: ask.parameter.number });
      check(row, [text, String(ask.parameter.number)], 'the parameters, sent and returned');
    }
  }

  async raises(act, wanted, shows) {
    let found;
    try {
      await act();
    } catch (problem) {
      found = this.client.describe(problem);
    }
    if (!found) throw new Wrong('no error');
    for (const part of shows) check(found[part], wanted[part], 'the error’s ' + part);
    if (!String(found.message).includes(wanted.message)) throw new Wrong(`the error’s text: ${found.message}`);
    const hidden = ['number', 'state', 'class', 'line'].filter((part) => part in wanted && !shows.includes(part));
    return hidden.length ? `not shown by the client: ${hidden.join(', ')}` : '';
  }

  async error(level, name = 'error') {
    const connection = await this.open();
    const note = await this.raises(() => this.client.query(connection, ask[name].sql), ask[name], this.client.shows);
    check(await this.scalar(connection, ask.after_error.sql), ask.after_error.value, 'the query after it');
    return note;
  }

  syntax_error() {
    return this.error(undefined, 'syntax_error');
  }

  async result_sets() {
    check(await this.sets(await this.open(), ask.result_sets.sql), ask.result_sets.sets, 'the result sets');
  }

  async rollback() {
    const connection = await this.open();
    await this.client.begin(connection);
    check(await this.scalar(connection, ask.rollback.depth), '1', '@@TRANCOUNT inside');
    await this.client.query(connection, ask.rollback.create);
    check(await this.scalar(connection, ask.rollback.count), '1', 'the login inside the transaction');
    await this.client.rollback(connection);
    check(await this.scalar(connection, ask.rollback.count), '0', 'the login after the rollback');
  }

  async cancel() {
    const connection = await this.open();
    const started = Date.now();
    await this.client.cancel(connection, ask.cancel.sql);
    if (Date.now() - started > ask.cancel.within_seconds * 1000) throw new Wrong('the cancelled statement went on');
    // More than one: a client that is one answer behind gets the first right.
    for (const [sql, value] of ask.cancel.then) check(await this.scalar(connection, sql), value, sql);
  }

  async reset() {
    const connection = await this.open();
    const spid = await this.scalar(connection, ask.reset.spid);
    await this.client.query(connection, ask.reset.dirty);
    check(await this.scalar(connection, ask.reset.look), ask.reset.before, 'before the reset');
    await this.client.reset(connection);
    check(await this.scalar(connection, ask.reset.look), ask.reset.after, 'after the reset');
    check(await this.scalar(connection, ask.reset.spid), spid, 'the session after the reset');
  }

  async big_batch(level, options) {
    const asked = ask.big_batch;
    const overhead = (asked.prefix + asked.between + asked.suffix).length;
    const length = Math.ceil((asked.bytes / 2 - overhead) / 2);
    const text = asked.pattern.repeat(Math.floor(length / asked.pattern.length) + 1).slice(0, length - 1) + '.';
    const sql = asked.prefix + text + asked.between + text + asked.suffix;
    check(sql.length * 2 >= asked.bytes, true, 'the batch’s size');
    const [[row]] = await this.sets(await this.open('OPEN', options), sql);
    check(row, [String(text.length), text], 'a long text there and back');
  }

  small_packets() {
    return this.big_batch(undefined, { packetSize: ask.small_packets.size });
  }

  async topic() {
    const asked = ask.topic;
    const hosts = {};
    const certificates = {};
    const on = (host, sql) => this.client.query(hosts[host], sql);
    for (const [host, port, role] of asked.hosts) {
      hosts[host] = await this.open(host);
      for (const sql of asked.outbound) await on(host, fill(sql, { host, port, role }));
      certificates[host] = await this.scalar(hosts[host], fill(asked.certificate, { host }));
    }
    await on(...asked.partner[0]);
    await this.raises(() => on(...asked.partner[1]), { ...asked.too_early, message: '' }, ['number']);
    await on(...asked.too_early.undo);
    for (const host of Object.keys(hosts)) {
      for (const peer of Object.keys(hosts).filter((name) => name !== host)) {
        for (const sql of asked.inbound) await on(host, fill(sql, { peer, certificate: certificates[peer] }));
      }
    }
    for (const [host, sql] of [...asked.partner, asked.witness]) await on(host, sql);
    for (const [host, sql, wanted] of asked.established) check(await this.scalar(hosts[host], sql), wanted, `mirroring on ${host}`);
    return 'mirroring established, with a witness';
  }
}

exports.Wrong = Wrong;
exports.main = (client) => new Matrix(client, process.argv[2]).run(process.argv.slice(3)).then(() => process.exit(0));
