// What a page shows to whoever examines it, evaluated in the page. `wrong` is a list of faults in words.
(() => {
  const wrong = [];
  const fault = (what, element) => wrong.push(what + ': ' + element.outerHTML.slice(0, 300));

  // Names are text: none of them became an element, an attribute or an address of its own.
  if (window.ran !== undefined) wrong.push('a script from a name ran');
  for (const element of document.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith('on') || name === 'style' || name === 'srcdoc') fault('attribute ' + name, element);
      if (!['href', 'src', 'action', 'formaction', 'xlink:href', 'data', 'poster'].includes(name)) continue;
      const to = URL.canParse(value, location.href) ? new URL(value, location.href) : { origin: 'none' };
      if (to.origin !== location.origin) fault('leads elsewhere', element);
    }
    if (['IFRAME', 'OBJECT', 'EMBED', 'BASE', 'STYLE'].includes(element.tagName)) fault('element', element);
  }
  if (document.scripts.length !== 1) wrong.push(document.scripts.length + ' scripts');

  // Everything has a name, and the headings are in order.
  const named = element => element.getAttribute('aria-label')?.trim() || element.textContent.trim() ||
    (element.getAttribute('aria-labelledby') || '').split(' ').some(id => document.getElementById(id)?.textContent.trim());
  for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
    if (field.disabled || field.getAttribute('aria-hidden')) continue;
    if (![...field.labels].some(label => label.textContent.trim()) && !field.getAttribute('aria-label') &&
      !field.getAttribute('aria-labelledby')) fault('no label', field);
  }
  for (const element of document.querySelectorAll('a[href], button, summary')) if (!named(element)) fault('no name', element);
  for (const image of document.querySelectorAll('img:not([alt]), svg:not([aria-label]):not([aria-labelledby]):not([aria-hidden])')) fault('no text', image);
  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1 || (level === 0) !== (next === 1)) fault('heading after h' + level, heading);
    level = next;
  }
  const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push('twice: id ' + id);
  if (!document.documentElement.lang || !document.title) wrong.push('no language or no title');

  const [page] = performance.getEntriesByType('navigation');
  const parts = performance.getEntriesByType('resource');
  return {
    status: page.responseStatus,
    heading: document.querySelector('h1')?.textContent ?? '',
    weight: parts.reduce((sum, part) => sum + part.decodedBodySize, page.decodedBodySize),
    assets: new Set(parts.filter(part => part.decodedBodySize > 0).map(part => part.name)).size,
    evil: document.body.textContent.includes('onerror='),
    links: [...document.querySelectorAll('a[href]')].map(a => a.href.split('#')[0]),
    forms: [...document.querySelectorAll('form[method=post]')].map(form => ({
      action: new URL(form.action).pathname,
      fields: Object.fromEntries([...form.querySelectorAll('[name]')].filter(field => field.name !== 'csrf').map(field => [field.name, field.value])),
    })),
    wrong: wrong.slice(0, 10),
  };
})()
