// Contrast as WCAG 2.2 computes it, of what a browser shows: of each text with what is behind it, and of the lines and
// bars of charts.

import type { Page } from 'playwright-core';

export interface Contrast {
  readonly what: string;
  readonly ratio: number;
}

interface Shown {
  readonly what: string;
  readonly colour: string;
  readonly behind: string;
}

/** In the page: https://www.w3.org/TR/WCAG22/#contrast-minimum and #non-text-contrast say what counts. */
const collect = `(() => {
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$|^transparent$/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: element, data } = walker.currentNode;
    if (data.trim() === '' || !element.checkVisibility() || element.closest('script, style, noscript')) continue;
    const style = getComputedStyle(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    texts.push({ what: data.trim(), colour, behind: behind(element) });
  }
  const graphics = [...document.querySelectorAll('path')].map((path) => {
    const { stroke, fill } = getComputedStyle(path);
    return { what: path.className.baseVal, colour: stroke === 'none' ? fill : stroke, behind: behind(path) };
  });
  return { texts, graphics };
})()`;

export async function contrastsOf(
  page: Page,
): Promise<{ texts: readonly Contrast[]; graphics: readonly Contrast[] }> {
  const shown = (await page.evaluate(collect)) as {
    readonly texts: readonly Shown[];
    readonly graphics: readonly Shown[];
  };
  const contrast = ({ what, colour, behind }: Shown): Contrast => ({ what, ratio: ratioOf(colour, behind) });
  return { texts: shown.texts.map(contrast), graphics: shown.graphics.map(contrast) };
}

function ratioOf(a: string, b: string): number {
  const [darker = 0, lighter = 0] = [luminanceOf(a), luminanceOf(b)].toSorted((one, other) => one - other);
  return (lighter + 0.05) / (darker + 0.05);
}

/** @throws Error for what is no opaque colour: then the ratio would be another one. */
function luminanceOf(colour: string): number {
  const [, ...parts] = /^rgb\((\d+), (\d+), (\d+)\)$/u.exec(colour) ?? [];
  if (parts.length !== 3) throw new Error(`Not an opaque colour: ${colour}`);
  const [red = 0, green = 0, blue = 0] = parts.map((part) => {
    const share = Number(part) / 255;
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
