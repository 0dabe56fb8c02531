// The one script of the page: the CSP forbids inline ones.
import init from './ui.js';

init({ module_or_path: './ui_bg.wasm' });
