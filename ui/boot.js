// The one script of the page: the CSP forbids inline ones. It shows the first frame in the chosen theme and starts the UI.
import init from './ui.js';

let theme = 'system';
try {
  theme = localStorage.getItem('umbel.theme') ?? 'system';
} catch {
  // Storage may be off: the system's theme it is.
}
const light = theme === 'light' || (theme === 'system' && matchMedia('(prefers-color-scheme: light)').matches);
document.documentElement.dataset.theme = light ? 'light' : 'dark';

init({ module_or_path: './ui_bg.wasm' }).catch((error) => {
  const failed = document.getElementById('boot-failed');
  if (failed) failed.hidden = false;
  throw error;
});
