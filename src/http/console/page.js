'use strict';

const $ = (id) => document.getElementById(id);
const text = (tag, className, words) => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = words;
  return element;
};
const tell = (words) => { $('told').textContent = words; };

async function ask(path, body) {
  const options = body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.errors?.[0]?.msg ?? `the server answered ${response.status}`);
  return answer;
}
const order = (body) => ask('/console/order', body).catch((error) => tell(error.message));
const say = (words) => order({ say: words });

// Chat

function said({ who, text: words, options, language, rightToLeft }) {
  const bubble = text('p', `said ${who}`, '');
  bubble.append(text('span', 'unseen', who === 'bot' ? 'Bot: ' : 'You: '), words);
  if (who === 'bot') {
    bubble.lang = language;
    bubble.dir = rightToLeft ? 'rtl' : 'ltr';
  } else {
    bubble.dir = 'auto';
  }
  chat(bubble);
  const box = $('options');
  box.replaceChildren(...(who === 'bot' ? options : []).map((option) => {
    const button = text('button', '', option);
    button.type = 'button';
    button.lang = language;
    button.addEventListener('click', () => { say(option); $('text').focus(); });
    return button;
  }));
  box.dir = rightToLeft ? 'rtl' : 'ltr';
}

function chat(element) {
  $('chat').append(element);
  $('chat').scrollTop = $('chat').scrollHeight;
}

// Wire

const pretty = (value) => typeof value === 'string' ? value : JSON.stringify(value, null, 2);

function wire(call) {
  const item = document.createElement('li');
  const details = document.createElement('details');
  const summary = document.createElement('summary');
  const ours = call.from === 'platform';
  const arrow = text('b', '', ours ? '→' : '←');
  arrow.setAttribute('aria-label', ours ? 'The platform calls' : 'The server calls');
  const outcome = text('span', 'outcome', '');
  const status = text('b', call.status >= 200 && call.status < 300 ? '' : 'bad', call.status ?? 'no answer');
  // An acknowledgement only repeats what was sent.
  const context = ours ? (call.what.startsWith('on_webhook') ? call.answer?.context : null) : call.body?.context;
  const otp = context?.otp?.status;
  outcome.append(otp ? `${otp} · ` : '', status, ` · ${call.millis} ms`);
  summary.append(arrow, text('span', 'what', call.what), outcome);
  details.append(summary);
  // Bodies are long; they are laid out when somebody looks.
  details.addEventListener('toggle', () => {
    const part = (title, words) => {
      const pre = text('pre', '', words);
      pre.tabIndex = 0;
      pre.setAttribute('aria-label', title);
      details.append(text('h3', '', title), pre);
    };
    if (call.problem) part('What was wrong', call.problem);
    part('Request', `POST ${call.url}\n${call.token[0]}: ${call.token[1]}\n\n${pretty(call.body)}`);
    part('Answer', `${call.status ?? 'none'}\n\n${pretty(call.answer)}`);
  }, { once: true });
  item.append(details);
  $('wire').append(item);
  $('wire').scrollTop = $('wire').scrollHeight;
}

// Session

let held = new Map();

/** Every line of a value, with the path of what stands on it, so that changes can be told apart. */
function lines(value, path, indent, before, after, out) {
  const open = '  '.repeat(indent);
  if (value !== null && typeof value === 'object') {
    const [first, last] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
    const members = Array.isArray(value) ? value.map((item) => [null, item]) : Object.entries(value);
    if (members.length === 0) {
      out.push([path, `${open}${before}${first}${last}${after}`]);
      return;
    }
    out.push([path, `${open}${before}${first}`]);
    members.forEach(([key, item], index) => lines(item, `${path}/${key ?? index}`, indent + 1,
      key === null ? '' : `${JSON.stringify(key)}: `, index + 1 < members.length ? ',' : '', out));
    out.push([`${path}/`, `${open}${last}${after}`]);
    return;
  }
  out.push([path, `${open}${before}${JSON.stringify(value)}${after}`]);
}

function session({ context }) {
  const { entities, otp, currentLanguage, session: scopes } = context;
  const out = [];
  lines({ entities, otp, currentLanguage, BotUserSession: scopes?.BotUserSession }, '', 0, '', '', out);
  const first = held.size === 0;
  const now = new Map(out.map(([path, line]) => [path, line.replace(/,$/, '')]));
  $('session').replaceChildren(...out.flatMap(([path, line]) => {
    const changed = !first && held.get(path) !== now.get(path);
    return [changed ? text('mark', '', `${line} ●`) : line, '\n'];
  }));
  held = now;
}

// Mailbox

let mails = [];
let shown = null;
const keyOf = (mail) => `${mail.id} ${mail.sentAt} ${mail.code}`;

async function mailbox() {
  const latest = await ask('/dev/outbox');
  if (latest.length === mails.length && latest.every((mail, at) => keyOf(mail) === keyOf(mails[at]))) return;
  mails = latest;
  $('mail-count').textContent = mails.length;
  $('no-mail').hidden = mails.length > 0;
  $('mails').hidden = mails.length === 0;
  if (mails.length > 0) read(mails[0]);
}

function read(mail) {
  shown = mail;
  $('mails').replaceChildren(...mails.map((each) => {
    const item = document.createElement('li');
    const button = text('button', '', `${each.channel === 'email' ? each.subject : each.channel} · ${each.to}`);
    button.type = 'button';
    button.dir = 'auto';
    button.setAttribute('aria-current', String(each === mail));
    button.addEventListener('click', () => {
      read(each);
      $('mails').querySelector('[aria-current="true"]').focus();
    });
    item.append(button);
    return item;
  }));
  const facts = { To: mail.to, Subject: mail.subject, By: `${mail.channel}, ${mail.provider}`, Sent: mail.sentAt };
  $('mail-head').replaceChildren(...Object.entries(facts).filter(([, value]) => value).flatMap(([name, value]) => {
    const fact = text('dd', '', value);
    fact.dir = 'auto';
    return [text('dt', '', name), fact];
  }));
  const looks = mail.html !== '';
  $('mail-frame').hidden = !looks;
  $('mail-text').hidden = looks;
  if (looks) $('mail-frame').src = `/console/mail?${new URLSearchParams({ id: mail.id, at: mail.sentAt })}`;
  $('mail-text').textContent = mail.text;
  $('mail-view').hidden = false;
}

// Everything together

let stream;

function watch() {
  stream?.close();
  stream = new EventSource(`/console/events?reveal=${$('reveal').checked ? 1 : 0}`);
  stream.onopen = () => { $('lost').hidden = true; wipe(); refresh(); };
  stream.onerror = () => { $('lost').hidden = false; };
  stream.onmessage = ({ data }) => happened(JSON.parse(data));
}

function wipe() {
  for (const id of ['chat', 'options', 'wire', 'session']) $(id).replaceChildren();
  held = new Map();
}

function happened(event) {
  switch (event.kind) {
    case 'said': said(event); break;
    case 'wire': wire(event); break;
    case 'session': session(event); break;
    case 'note': chat(text('p', 'note', event.text)); break;
    case 'standing': stands(event); break;
  }
}

function stands(now) {
  if (now.fresh) wipe();
  if ($('language').length === 0) {
    $('language').append(...now.languages.map((tag) => {
      const option = text('option', '', new Intl.DisplayNames([tag], { type: 'language' }).of(tag));
      option.value = tag;
      option.lang = tag;
      return option;
    }));
  }
  for (const id of ['mode', 'language', 'channel', 'medium']) $(id).value = now[id];
  $('chat').setAttribute('aria-busy', String(now.busy));
  if (!now.busy) mailbox().catch(() => {});
}

let moved = 0;

async function advance(seconds) {
  const { now } = await ask('/dev/clock', { advanceSeconds: seconds });
  moved = Math.round((Date.parse(now) - Date.now()) / 1000);
  const [hours, minutes, left] = [Math.floor(moved / 3600), Math.floor(moved / 60) % 60, moved % 60];
  const ahead = [[hours, 'h'], [minutes, 'min'], [left, 's']].filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`);
  $('clock').textContent = ahead.length ? `The server's clock is ${ahead.join(' ')} ahead.` : "The server's clock is right.";
}

async function refresh() {
  await advance(0);
  const { providers } = await ask('/readyz');
  $('provider').replaceChildren(...Object.keys(providers).map((name) => text('option', '', name)));
}

const wrong = (code) => code.slice(0, -1) + (code.endsWith('7') ? '3' : '7');

$('say').addEventListener('submit', (event) => {
  event.preventDefault();
  const words = $('text').value.trim();
  $('text').value = '';
  if (words) say(words);
});
$('type-code').addEventListener('click', () => say(shown.code));
$('type-wrong').addEventListener('click', () => say(wrong(shown.code)));
$('begin').addEventListener('click', () => order({ begin: $('mode').value }));
$('mode').addEventListener('change', () => order({ begin: $('mode').value }));
for (const id of ['language', 'channel', 'medium']) {
  $(id).addEventListener('change', async () => {
    await order({ [id]: $(id).value });
    order({ begin: $('mode').value });
  });
}
for (const button of document.querySelectorAll('[data-advance]')) {
  button.addEventListener('click', () => advance(Number(button.dataset.advance))
    .then(() => tell($('clock').textContent), (error) => tell(error.message)));
}
for (const button of document.querySelectorAll('[data-prank]')) {
  button.addEventListener('click', () => order({ misbehave: button.dataset.prank }));
}
$('again').addEventListener('click', () => order({ again: {} }));
$('fail').addEventListener('click', () => {
  const [provider, mode, times] = [$('provider').value, $('fault').value, Number($('times').value)];
  ask('/dev/faults', { provider, mode, times }).then(
    () => tell(times ? `${provider} fails next: ${mode}, times ${times}.` : `${provider} works again.`),
    (error) => tell(error.message));
});
$('reveal').addEventListener('change', watch);
$('clear').addEventListener('click', () => $('wire').replaceChildren());
watch();
