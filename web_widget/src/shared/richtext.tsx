/** Draws the tree of `markdown.ts` as nodes. */
import type { VNode } from "preact";
import { type Block, type Inline, parseMarkdown, plain } from "./markdown";

function Inlines({ nodes }: { nodes: readonly Inline[] }): VNode {
  return (
    <>
      {nodes.map((node) => {
        switch (node.t) {
          case "text":
            return node.text;
          case "code":
            return <code>{node.text}</code>;
          case "br":
            return <br />;
          case "strong":
            return (
              <strong>
                <Inlines nodes={node.children} />
              </strong>
            );
          case "em":
            return (
              <em>
                <Inlines nodes={node.children} />
              </em>
            );
          case "link":
            return (
              <a href={node.href} target="_blank" rel="noopener noreferrer nofollow">
                <Inlines nodes={node.children} />
              </a>
            );
        }
      })}
    </>
  );
}

function Blocks({ nodes }: { nodes: readonly Block[] }): VNode {
  return (
    <>
      {nodes.map((node) => {
        switch (node.t) {
          case "p":
            return (
              <p>
                <Inlines nodes={node.children} />
              </p>
            );
          case "h":
            // A message is no section of the page: its headings stay out of the page's outline.
            return (
              <p class="h">
                <Inlines nodes={node.children} />
              </p>
            );
          case "pre":
            return (
              <pre tabIndex={0}>
                <code>{node.text}</code>
              </pre>
            );
          case "quote":
            return (
              <blockquote>
                <Blocks nodes={node.children} />
              </blockquote>
            );
          case "table":
            return (
              <table>
                <thead>
                  <tr>
                    {node.head.map((cell) => (
                      <th scope="col">
                        <Inlines nodes={cell} />
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {node.rows.map((row) => (
                    <tr>
                      {row.map((cell) => (
                        <td>
                          <Inlines nodes={cell} />
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            );
          case "list": {
            const items = node.items.map((item) => (
              <li>
                <Inlines nodes={item} />
              </li>
            ));
            return node.ordered ? <ol start={node.start}>{items}</ol> : <ul>{items}</ul>;
          }
        }
      })}
    </>
  );
}

/** What the bot wrote. */
export function Markdown({ text }: { text: string }): VNode {
  return <Blocks nodes={parseMarkdown(text)} />;
}

/** What a person typed: words, line breaks and links, nothing else. */
export function Plain({ text }: { text: string }): VNode {
  return <Inlines nodes={plain(text)} />;
}
