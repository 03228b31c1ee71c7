// Everything works without this script. It adds buttons that copy, and shows times as this browser's clock has them.
'use strict';
(() => {
  const words = document.currentScript.dataset;
  const live = document.createElement('p');
  live.className = 'unseen';
  live.setAttribute('role', 'status');
  document.body.append(live);

  const copy = async (button, source) => {
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // Without the right to write: select it, so that one key copies.
      getSelection().selectAllChildren(source);
      return;
    }
    button.textContent = words.copied;
    live.textContent = words.copied;
    setTimeout(() => {
      button.textContent = words.copy;
      live.textContent = '';
    }, 2000);
  };

  for (const source of document.querySelectorAll('[data-copy]')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = words.copy;
    button.setAttribute('aria-label', words.copy + ': ' + source.dataset.copy);
    button.addEventListener('click', () => copy(button, source));
    source.after(button);
  }

  for (const time of document.querySelectorAll('time')) {
    time.title = new Date(time.dateTime).toLocaleString();
  }
})();
