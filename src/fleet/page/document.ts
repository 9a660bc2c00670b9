// The fleet page as one text, of the files beside this one; `{{nonce}}` stands where each answer has its own.

// oxlint-disable import/default -- with `?raw` it is the text of the file.
import chartsScript from './charts.browser.js?raw';
import formatScript from './format.browser.js?raw';
import instancesScript from './instances.browser.js?raw';
import linesScript from './lines.browser.js?raw';
import style from './page.css?raw';
import markup from './page.html?raw';
import pageScript from './page.browser.js?raw';

// Each is a module of its own to editors and linters. Here they are one, because a page that may load nothing cannot
// import.
const script = [formatScript, linesScript, chartsScript, instancesScript, pageScript].map((text) =>
  text.replaceAll(/^import [^;]*;\n/gmu, '').replaceAll(/^export /gmu, ''),
);

export const fleetDocument = markup
  .replace('/* {{style}} */', () => style)
  .replace('/* {{script}} */', () => `'use strict';\n${script.join('\n')}`);
