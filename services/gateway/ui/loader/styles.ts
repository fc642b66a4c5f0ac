/** Styles of the launcher and the panel; adopted as a sheet, so a strict host CSP has nothing to allow. */
export const STYLES = `
:host{all:initial;--accent:#0f766e}
.box{position:fixed;inset-block-end:max(20px,env(safe-area-inset-bottom));z-index:var(--z);
font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
.right{right:20px}.left{left:20px}
[hidden],.badge:empty,.preview:empty,.open .preview,.open .badge{display:none!important}
.launcher{position:relative;display:grid;place-items:center;width:60px;height:60px;padding:0;border:0;
border-radius:50%;background:var(--accent);color:#fff;cursor:pointer;
box-shadow:0 6px 20px rgb(0 0 0/22%),0 2px 6px rgb(0 0 0/14%);transition:transform .18s,box-shadow .18s}
.right .launcher{margin-left:auto}
.launcher:hover{transform:translateY(-2px);box-shadow:0 10px 26px rgb(0 0 0/26%)}
.launcher:focus-visible,.preview:focus-visible{outline:3px solid #fff;box-shadow:0 0 0 6px var(--accent)}
svg{grid-area:1/1;width:36px;height:36px;fill:none;stroke:currentColor;stroke-width:1.8;
stroke-linecap:round;stroke-linejoin:round;transition:transform .2s,opacity .2s}
svg:first-child{fill:currentColor;stroke-width:1.2}
svg+svg{opacity:0;transform:rotate(-60deg)}
.open svg+svg{opacity:1;transform:none}.open svg:first-child{opacity:0;transform:scale(.4)}
.badge{position:absolute;top:-3px;right:-3px;min-width:22px;height:22px;padding:0 6px;box-sizing:border-box;
border:2px solid #fff;border-radius:11px;background:#d92d20;color:#fff;font-size:12px;font-weight:700;line-height:18px}
.preview{position:absolute;bottom:74px;width:max-content;max-width:min(280px,calc(100vw - 60px));padding:11px 15px;
border:0;border-radius:16px;background:#fff;color:#1a2129;font:inherit;text-align:start;cursor:pointer;
box-shadow:0 8px 28px rgb(0 0 0/18%);display:-webkit-box;-webkit-line-clamp:3;-webkit-box-orient:vertical;overflow:hidden}
.right .preview{right:0;border-bottom-right-radius:5px}.left .preview{left:0;border-bottom-left-radius:5px}
.panel{position:absolute;bottom:76px;width:400px;height:min(680px,calc(100dvh - 120px));border-radius:18px;
overflow:hidden;background:Canvas;box-shadow:0 18px 60px rgb(0 0 0/26%),0 2px 8px rgb(0 0 0/12%);
opacity:0;visibility:hidden;transform:translateY(14px) scale(.985);transform-origin:bottom;
transition:opacity .18s,transform .18s,visibility 0s .18s}
.right .panel{right:0}.left .panel{left:0}
.open .panel{opacity:1;visibility:visible;transform:none;transition-delay:0s}
iframe{display:block;width:100%;height:100%;border:0;color-scheme:normal}
@media (max-width:480px),(max-height:420px){.open{inset:0!important}
.open .panel{position:fixed;inset:0;width:auto;height:auto;border-radius:0}.open .launcher{display:none}}
@media (prefers-reduced-motion:reduce){*{transition:none!important}}
`.replace(/\n/g, "");
