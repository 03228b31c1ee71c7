// Drives npm usergrid as its users do and prints what their callbacks get.
//
//     WRIT_URL=... node usergrid.cjs SCENARIO
//
// Nothing of the SDK is replaced. What it expects of a browser (localStorage, two functions of the portal) is supplied where a
// scenario needs it.
'use strict';

const usergrid = require('usergrid');

const env = process.env;

const connect = (authType, more) =>
  new usergrid.client({ URI: env.WRIT_URL, orgName: 'acme', appName: 'shop', authType, ...more });
const asUser = () => connect(usergrid.AUTH_APP_USER);
const asGuest = () => connect(usergrid.AUTH_NONE);
const asClient = () => connect(usergrid.AUTH_CLIENT_ID, { clientId: env.SHOP_ID, clientSecret: env.SHOP_SECRET });

// call turns a method that ends with a callback into a promise of the callback's arguments.
const call = (object, method, ...args) => new Promise((resolve) => object[method](...args, (...got) => resolve(got)));

// all collects the arguments of a callback that the SDK calls more than once.
const all = (object, method, times, ...args) =>
  new Promise((resolve) => {
    const got = [];
    object[method](...args, (err, data) => {
      got.push({ err, data });
      if (got.length === times) resolve(got);
    });
  });

async function request(client, options) {
  const [err, data] = await call(client, 'request', options);
  return { err, data };
}

async function login(client, username, password) {
  const [err, data, user] = await call(client, 'login', username, password);
  return { err, data, user };
}

async function me(client) {
  const [err, data, user] = await call(client, 'getLoggedInUser');
  return { err, data, username: user && user.get('username'), type: user && user.get('type') };
}

// dana is the entity as the SDK holds it after fetching it.
async function fetched(client) {
  const [err, user] = await call(client, 'getEntity', { type: 'users', username: 'dana' });
  if (err) throw new Error('cannot fetch the user');
  return user;
}

const scenarios = {
  async login() {
    const client = asUser();
    const first = await login(client, 'dana', env.USER_PASSWORD);
    const out = { first: { err: first.err, data: first.data }, held: client.getToken() === first.data.access_token, loggedIn: client.isLoggedIn() };
    out.me = await me(client);
    const second = await login(client, 'dana@example.com', env.USER_PASSWORD); // the first token goes along in the query
    out.second = { err: second.err, username: second.user.get('username'), another: second.data.access_token !== first.data.access_token };
    client.setToken('stale');
    const third = await login(client, 'dana', env.USER_PASSWORD);
    out.third = { err: third.err, me: (await me(client)).username };
    client.logout();
    out.after = { loggedIn: client.isLoggedIn(), err: (await me(client)).err };
    return out;
  },

  async errors() {
    const client = asUser();
    const out = { password: await request(client, { method: 'POST', endpoint: 'token', body: { grant_type: 'password', username: 'dana', password: 'wrong-harbor-7' } }) };
    out.login = (({ err, data }) => ({ err, data }))(await login(client, 'nobody', 'wrong-harbor-7'));
    client.setToken('garbage');
    out.token = await me(client);
    await login(client, 'dana', env.USER_PASSWORD);
    out.permission = await request(client, { method: 'GET', endpoint: 'users' });
    out.missing = await request(asClient(), { method: 'GET', endpoint: 'users/nobody' });
    out.guest = await request(asGuest(), { method: 'GET', endpoint: 'users/dana' });
    out.client = await request(connect(usergrid.AUTH_CLIENT_ID, { clientId: env.SHOP_ID, clientSecret: 'nothing' }), { method: 'GET', endpoint: 'users' });
    out.application = await request(new usergrid.client({ URI: env.WRIT_URL, orgName: 'acme', appName: 'nothing' }), { method: 'GET', endpoint: 'users' });
    return out;
  },

  async signup() {
    const out = {};
    for (const [who, client] of [['guest', asGuest()], ['client', asClient()]]) {
      const [err, user, data] = await call(client, 'signup', 'erik-' + who, 'broad-meadow-31', `erik-${who}@example.com`, 'Erik Holm');
      out[who] = { err, path: data.path, data: data.entities[0], type: user.get('type'), uuid: user.get('uuid'), password: user.get('password') };
      out[who].login = (await login(asUser(), 'erik-' + who, 'broad-meadow-31')).err;
      out[who].again = await new Promise((resolve) => client.signup('erik-' + who, 'broad-meadow-31', `erik-${who}@example.com`, 'Erik Holm', (err, user, data) => resolve({ err, data })));
    }
    const [err, , data] = await call(asGuest(), 'signup', 'fay', 'short', 'fay@example.com', 'Fay');
    out.policy = { err, data };
    return out;
  },

  async client() {
    const client = asClient();
    const users = await request(client, { method: 'GET', endpoint: 'users', qs: { limit: 1, ql: "select * where username = 'dana'" } });
    const out = { users, login: {} };
    const { err, data } = await login(client, 'dana', env.USER_PASSWORD);
    out.login = { err, data };
    out.token = await request(client, { method: 'POST', endpoint: 'token', body: { grant_type: 'client_credentials', client_id: env.SHOP_ID, client_secret: env.SHOP_SECRET } });
    return out;
  },

  async collection() {
    const [err, page] = await call(asClient(), 'createCollection', { type: 'users', qs: { limit: 2 } });
    const names = [];
    for (;;) {
      while (page.hasNextEntity()) names.push(page.getNextEntity().get('username'));
      if (!page.hasNextPage()) break;
      const [failed] = await call(page, 'getNextPage');
      if (failed) throw new Error('no next page');
    }
    return { err, names };
  },

  async management() {
    const client = asUser();
    const token = (body) => request(client, { method: 'POST', endpoint: 'management/token', mQuery: true, body });
    const out = { organization: await token({ grant_type: 'client_credentials', client_id: env.ACME_ID, client_secret: env.ACME_SECRET }) };
    out.admin = await token({ grant_type: 'password', username: 'olga', password: env.ADMIN_PASSWORD });
    client.setToken(out.admin.data.access_token);
    out.read = await request(client, { method: 'GET', endpoint: 'management/orgs/acme', mQuery: true });
    const [err] = await call(client, 'reAuthenticateLite');
    out.lite = { err, same: client.getToken() === out.admin.data.access_token };
    out.full = await reAuthenticate(client);
    return out;
  },

  async password() {
    const client = asUser();
    const { user } = await login(client, 'dana', env.USER_PASSWORD);
    user.set('oldpassword', env.USER_PASSWORD);
    user.set('newpassword', 'calm-valley-58');
    const [err, data] = await call(user, 'save');
    const out = { save: { err, data }, type: user.get('type'), kept: user.get('newpassword') };
    out.dead = await me(client);
    out.again = (await login(client, 'dana', 'calm-valley-58')).err; // the dead token goes along
    out.me = await me(client);
    const wrong = (await login(asUser(), 'dana', env.USER_PASSWORD));
    out.old = { err: wrong.err, data: wrong.data };
    user.set('oldpassword', 'not-the-password');
    user.set('newpassword', 'high-canyon-12');
    const [failed, answer] = await call(user, 'save');
    out.wrong = { err: failed, data: answer };
    return out;
  },

  // createRole calls back twice: the SDK's own check of the entity's type complains, and goes on.
  async roles() {
    const client = asClient();
    const out = { created: await all(client, 'createRole', 2, 'Packer', ['get:/orders/**', 'POST:/parcels']) };
    const user = await fetched(client);
    out.assigned = await all(user, 'assignRole', 2, 'packer');
    const [err, data, roles] = await call(user, 'getRoles');
    out.roles = { err, path: data.path, names: roles.map((role) => role.name), held: user.roles.length };
    out.removed = await all(user, 'removeRole', 2, 'packer');
    const [, , left] = await call(user, 'getRoles');
    out.left = left.map((role) => role.name);
    return out;
  },

  async permissions() {
    const user = await fetched(asClient());
    const out = {};
    const [err, data, rules] = await call(user, 'assignPermissions', ['get:/orders/**', '/parcels']);
    out.assigned = { err, action: data.action, rules };
    const [failed, got] = await call(user, 'getPermissions');
    out.read = { err: failed, data: got.data, parsed: user.permissions };
    const [wrong, rest, removed] = await call(user, 'removePermissions', 'get:/orders/**');
    out.removed = { err: wrong, data: rest.data, removed };
    return out;
  },

  async groups() {
    const client = asClient();
    const user = await fetched(client);
    const [err, group] = await call(client, 'createGroup', { path: 'fleet/drivers', title: 'Drivers' });
    const out = { created: { err, data: group.get() } };
    const [failed, data, list] = await call(group, 'add', { user });
    out.added = { err: failed, path: data.path, members: list.map((member) => member.get('username')) };
    const [, found, groups] = await call(user, 'getGroups');
    out.groups = { path: found.path, paths: groups.map((each) => each.path) };
    const [wrong, , rest] = await call(group, 'remove', { user: { username: 'dana' } });
    out.removed = { err: wrong, members: rest.map((member) => member.get('username')) };
    const [exists] = await call(client, 'createGroup', { path: 'fleet/drivers' });
    out.exists = exists;
    return out;
  },

  // Who may do what: a guest everything in the sandbox and nothing in the secured application, a user what her roles and groups say.
  async access() {
    const may = async (client, method, endpoint, body) => {
      const { err, data } = await request(client, { method, endpoint, body });
      return err ? data.error : 'yes';
    };
    const visitor = new usergrid.client({ URI: env.WRIT_URL, orgName: 'acme', appName: 'sandbox', authType: usergrid.AUTH_NONE });
    const out = { sandbox: [
      await may(visitor, 'POST', 'users', { username: 'fay' }), await may(visitor, 'GET', 'users'),
      await may(visitor, 'PUT', 'users/fay', { name: 'Fay' }), await may(visitor, 'DELETE', 'users/fay'),
    ] };
    const [admin, user] = [asClient(), asUser()];
    await login(user, 'dana', env.USER_PASSWORD);
    out.guest = await may(asGuest(), 'GET', 'users');
    out.before = [await may(user, 'GET', 'users'), await may(user, 'GET', 'roles')];
    out.herself = await may(user, 'PUT', 'users/dana', { nickname: 'D' });
    out.escalation = await may(user, 'POST', 'roles/admin/users/dana');
    await all(admin, 'createRole', 2, 'Reader', ['get:/users/**']);
    await all(await fetched(admin), 'assignRole', 2, 'reader');
    await all(admin, 'createRole', 2, 'Auditor', ['get:/roles/**']);
    const [, group] = await call(admin, 'createGroup', { path: 'office' });
    await request(admin, { method: 'POST', endpoint: 'groups/office/roles/auditor' });
    await call(group, 'add', { user: await fetched(admin) });
    out.after = [await may(user, 'GET', 'users'), await may(user, 'GET', 'roles')];
    await call(group, 'remove', { user: { username: 'dana' } });
    out.left = [await may(user, 'GET', 'users'), await may(user, 'GET', 'roles')];
    return out;
  },

  async revoke() {
    const client = asUser();
    const other = asUser();
    await login(client, 'dana', env.USER_PASSWORD);
    await login(other, 'dana', env.USER_PASSWORD);
    const out = {};
    out.one = await request(client, { method: 'PUT', endpoint: 'users/dana/revoketoken', qs: { token: other.getToken() } });
    out.oneDead = await me(other);
    out.oneLives = (await me(client)).username;
    await login(other, 'dana', env.USER_PASSWORD);
    out.all = await request(client, { method: 'PUT', endpoint: 'users/dana/revoketokens' });
    out.allDead = [await me(client), await me(other)].map(({ err, data }) => ({ err, error: data.error }));
    out.again = (await login(client, 'dana', env.USER_PASSWORD)).err;
    out.me = (await me(client)).username;
    return out;
  },
};

// reAuthenticate was written for the portal: it keeps what it reads in localStorage and picks the first application.
async function reAuthenticate(client) {
  const kept = {};
  globalThis.localStorage = { setItem: (key, value) => { kept[key] = value; } };
  client.parseApplicationsArray = (organization) => Object.keys(organization.applications).sort();
  client.selectFirstApp = (applications) => client.set('appName', applications[0].split('/')[1]);
  const [err, , user, organizations, applications] = await call(client, 'reAuthenticate', 'olga@example.com');
  return { err, kept, user: user.get(), organizations, applications, chosen: [client.get('orgName'), client.get('appName')] };
}

scenarios[process.argv[2]]().then(
  (out) => process.stdout.write(JSON.stringify(out)),
  (error) => {
    process.stderr.write(String(error && error.stack));
    process.exitCode = 1;
  },
);
