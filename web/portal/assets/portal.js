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

  // What a form with a live answer says is asked of its page while somebody types. A document that is parsed so runs nothing.
  for (const form of document.querySelectorAll('form[data-live]')) {
    const answer = form.querySelector('.answer');
    let timer, latest;
    const ask = () => {
      const values = new URLSearchParams({ part: form.dataset.live });
      for (const name of ['rule', 'method', 'path', 'as', 'who']) {
        if (form.elements[name]) values.set(name, form.elements[name].value);
      }
      if (!values.get('rule') && !values.get('path')) {
        answer.replaceChildren();
        return;
      }
      const request = latest = new XMLHttpRequest();
      request.open('GET', form.dataset.address + '?' + values);
      request.responseType = 'document';
      request.addEventListener('load', () => {
        const part = request.response?.querySelector('[data-part]');
        if (request === latest && part) answer.replaceChildren(part);
      });
      request.send();
    };
    form.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(ask, 200);
    });
  }

  // What a process elsewhere is doing: the bar moves, and the page comes anew when there is more to say.
  for (const work of document.querySelectorAll('[data-progress]')) {
    const bar = work.querySelector('progress');
    const status = work.querySelector('[data-status]');
    const ask = async () => {
      try {
        const answer = await fetch(work.dataset.progress, {redirect: 'error'});
        if (answer.ok) {
          const at = await answer.json();
          if (at.state !== work.dataset.state) {
            location.reload();
            return;
          }
          bar.value = at.percent;
          status.textContent = at.status;
        } else if (answer.status < 500) {
          location.reload();
          return;
        }
      } catch {
        // The server is being restarted, or the line is bad: ask again.
      }
      setTimeout(ask, 1000);
    };
    setTimeout(ask, 500);
  }

  for (const time of document.querySelectorAll('time')) {
    time.title = new Date(time.dateTime).toLocaleString();
  }
})();
