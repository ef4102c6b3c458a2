/** A style sheet as text, bundled and minified by build.mjs, for `CSSStyleSheet.replaceSync`. */
declare module "*.css" {
  const text: string;
  export default text;
}
