WITH `t19` AS (
  SELECT
    `t7`.`key`,
    `t8`.`at`,
    `t8`.`period`,
    (
      `t7`.`key` * 3
    ) + `t8`.`position` + 1 AS `cell`
  FROM `passed_in_1` AS `t7`
  CROSS JOIN `passed_in_2` AS `t8`
), `t37` AS (
  SELECT
    `t11`.`source`,
    `t11`.`session_id`,
    `t11`.`tenant`,
    `t11`.`agent`,
    `t11`.`place`,
    `t11`.`dn`,
    `t11`.`switch_kind`,
    `t11`.`media`,
    `t11`.`client`,
    `t11`.`queues`,
    `t11`.`login`,
    COALESCE(`t11`.`logout`, `t36`.`last`) AS `logout`,
    `t11`.`estimated` OR (
      `t36`.`last` IS NOT NULL
    ) AS `estimated`
  FROM `sessions` AS `t11`
  LEFT OUTER JOIN (
    SELECT
      `t34`.`fact`,
      `t34`.`last`
    FROM (
      SELECT
        `t33`.`fact`,
        MAX(`t33`.`ended`) AS `last`,
        COUNT(*) AS `sources`,
        COUNT(`t33`.`ended`) AS `dead`
      FROM (
        SELECT
          `t30`.`fact`,
          `t30`.`observer`,
          MIN(`t30`.`ended`) AS `ended`
        FROM (
          SELECT
            `t27`.`fact`,
            `t27`.`observer`,
            `t16`.`ended`
          FROM (
            SELECT
              *
            FROM (
              SELECT
                `t15`.`session_id` AS `fact`,
                `t15`.`login` AS `begins`,
                EXPLODE(SPLIT(`t15`.`source`, '[|]')) AS `observer`
              FROM (
                SELECT
                  *
                FROM `sessions` AS `t5`
                WHERE
                  `t5`.`logout` IS NULL
              ) AS `t15`
            ) AS `t21`
            WHERE
              `t21`.`observer` <> ''
          ) AS `t27`
          LEFT OUTER JOIN (
            SELECT
              `t6`.`source` AS `observer`,
              `t6`.`ended`
            FROM `ends` AS `t6`
          ) AS `t16`
            ON `t27`.`observer` = `t16`.`observer` AND `t16`.`ended` >= `t27`.`begins`
        ) AS `t30`
        GROUP BY
          1,
          2
      ) AS `t33`
      GROUP BY
        1
    ) AS `t34`
    WHERE
      `t34`.`sources` = `t34`.`dead`
  ) AS `t36`
    ON `t11`.`session_id` = `t36`.`fact`
), `t40` AS (
  SELECT
    `t38`.`source`,
    `t38`.`session_id`,
    `t38`.`tenant`,
    `t38`.`agent`,
    `t38`.`place`,
    `t38`.`dn`,
    `t38`.`switch_kind`,
    `t38`.`media`,
    `t38`.`client`,
    `t38`.`queues`,
    `t38`.`login`,
    `t38`.`logout`,
    `t38`.`estimated`,
    CASE
      WHEN `t38`.`place` <> ''
      THEN CONCAT('place ', `t38`.`place`)
      WHEN `t38`.`dn` <> ''
      THEN CONCAT('DN ', `t38`.`dn`)
      WHEN `t38`.`agent` <> ''
      THEN CONCAT('agent ', `t38`.`agent`)
      ELSE CONCAT('session ', `t38`.`session_id`)
    END AS `seat`
  FROM `t37` AS `t38`
), `t57` AS (
  SELECT
    `t56`.`key`,
    `t56`.`since`,
    MAX(`t56`.`until`) OVER (
      PARTITION BY `t56`.`key`, `t56`.`seat`
      ORDER BY `t56`.`since` ASC NULLS LAST, `t56`.`until` ASC NULLS LAST
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS `before`,
    MAX(`t56`.`until`) OVER (
      PARTITION BY `t56`.`key`, `t56`.`seat`
      ORDER BY `t56`.`since` ASC NULLS LAST, `t56`.`until` ASC NULLS LAST
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS `latest`,
    LEAD(`t56`.`since`) OVER (
      PARTITION BY `t56`.`key`, `t56`.`seat`
      ORDER BY `t56`.`since` ASC NULLS LAST, `t56`.`until` ASC NULLS LAST
    ) AS `following`
  FROM (
    SELECT
      *
    FROM (
      SELECT
        (
          `t54`.`number` * 1
        ) + `t54`.`key` AS `key`,
        `t54`.`seat`,
        GREATEST(`t54`.`login`, 1788220800) AS `since`,
        LEAST(COALESCE(`t54`.`logout`, 8589934592), 1788228000) AS `until`
      FROM (
        SELECT
          `t32`.`key`,
          `t53`.`number`,
          `t53`.`seat`,
          GREATEST(`t53`.`login`, `t32`.`since`) AS `login`,
          LEAST(COALESCE(`t53`.`logout`, 8589934592), `t32`.`until`) AS `logout`
        FROM (
          SELECT
            `t51`.`tenant`,
            `t51`.`agent`,
            `t51`.`place`,
            `t51`.`seat`,
            `t51`.`login`,
            `t51`.`logout`,
            0 AS `number`
          FROM (
            SELECT
              `t42`.`tenant`,
              `t42`.`agent`,
              `t42`.`place`,
              `t42`.`seat`,
              `t42`.`login`,
              `t42`.`logout`
            FROM `t40` AS `t42`
            LEFT SEMI JOIN (
              SELECT
                *
              FROM (
                SELECT
                  `t46`.`session_id`,
                  `t46`.`tenant`,
                  `t46`.`login`,
                  `t46`.`logout`,
                  `t46`.`place`
                FROM (
                  SELECT
                    *
                  FROM (
                    SELECT
                      *
                    FROM (
                      SELECT
                        `t41`.`session_id`,
                        `t41`.`tenant`,
                        `t41`.`login`,
                        `t41`.`logout`,
                        EXPLODE(SPLIT(`t41`.`queues`, '[|]')) AS `place`
                      FROM `t40` AS `t41`
                    ) AS `t43`
                    UNION ALL
                    SELECT
                      *
                    FROM (
                      SELECT
                        `t38`.`session_id`,
                        `t38`.`tenant`,
                        `t38`.`login`,
                        `t38`.`logout`,
                        `t38`.`place`
                      FROM `t37` AS `t38`
                    ) AS `t39`
                  ) AS `t44`
                  WHERE
                    `t44`.`place` <> ''
                ) AS `t46`
                LEFT SEMI JOIN (
                  SELECT
                    *
                  FROM `configuration` AS `t3`
                  WHERE
                    `t3`.`kind` = 'campaign'
                ) AS `t18`
                  ON `t46`.`tenant` = `t18`.`tenant`
                  AND `t46`.`place` = `t18`.`detail`
                  AND `t18`.`since` < COALESCE(`t46`.`logout`, 8589934592)
                  AND COALESCE(`t18`.`until`, 8589934592) > `t46`.`login`
              ) AS `t47`
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  `t46`.`session_id`,
                  `t46`.`tenant`,
                  `t46`.`login`,
                  `t46`.`logout`,
                  `t46`.`place`
                FROM (
                  SELECT
                    *
                  FROM (
                    SELECT
                      *
                    FROM (
                      SELECT
                        `t41`.`session_id`,
                        `t41`.`tenant`,
                        `t41`.`login`,
                        `t41`.`logout`,
                        EXPLODE(SPLIT(`t41`.`queues`, '[|]')) AS `place`
                      FROM `t40` AS `t41`
                    ) AS `t43`
                    UNION ALL
                    SELECT
                      *
                    FROM (
                      SELECT
                        `t38`.`session_id`,
                        `t38`.`tenant`,
                        `t38`.`login`,
                        `t38`.`logout`,
                        `t38`.`place`
                      FROM `t37` AS `t38`
                    ) AS `t39`
                  ) AS `t44`
                  WHERE
                    `t44`.`place` <> ''
                ) AS `t46`
                LEFT SEMI JOIN (
                  SELECT
                    *
                  FROM `configuration` AS `t3`
                  WHERE
                    `t3`.`kind` = 'campaign'
                ) AS `t18`
                  ON `t46`.`tenant` = `t18`.`tenant`
                  AND `t46`.`place` = `t18`.`name`
                  AND `t18`.`since` < COALESCE(`t46`.`logout`, 8589934592)
                  AND COALESCE(`t18`.`until`, 8589934592) > `t46`.`login`
              ) AS `t48`
            ) AS `t50`
              ON `t42`.`session_id` = `t50`.`session_id`
          ) AS `t51`
        ) AS `t53`
        INNER JOIN (
          SELECT
            `t28`.`key`,
            `t28`.`tenant`,
            `t28`.`member`,
            `t9`.`begins` AS `since`,
            `t9`.`ends` AS `until`
          FROM (
            SELECT
              `t22`.`key`,
              `t22`.`tenant`,
              `t22`.`member`,
              `t22`.`since`,
              `t22`.`until`
            FROM (
              SELECT
                `t17`.`tenant`,
                `t17`.`group`,
                `t17`.`member`,
                `t17`.`since`,
                `t17`.`until`,
                `t10`.`key`
              FROM (
                SELECT
                  `t3`.`tenant`,
                  `t3`.`name` AS `group`,
                  `t3`.`detail` AS `member`,
                  `t3`.`since`,
                  COALESCE(`t3`.`until`, 8589934592) AS `until`
                FROM `configuration` AS `t3`
                WHERE
                  `t3`.`kind` = 'place-group'
              ) AS `t17`
              INNER JOIN `passed_in_3` AS `t10`
                ON `t17`.`tenant` = `t10`.`tenant` AND `t17`.`group` = `t10`.`group`
            ) AS `t22`
            WHERE
              `t22`.`member` <> ''
          ) AS `t28`
          INNER JOIN `passed_in_4` AS `t9`
            ON `t28`.`since` < `t9`.`ends` AND `t28`.`until` >= `t9`.`ends`
        ) AS `t32`
          ON `t53`.`place` = `t32`.`member`
          AND `t53`.`tenant` = `t32`.`tenant`
          AND `t32`.`since` < COALESCE(`t53`.`logout`, 8589934592)
          AND `t32`.`until` > `t53`.`login`
      ) AS `t54`
    ) AS `t55`
    WHERE
      `t55`.`since` < `t55`.`until`
  ) AS `t56`
)
SELECT
  `t69`.`key`,
  `t69`.`period`,
  SHIFTRIGHT(`t69`.`found`, 34) AS `peak`,
  IF(
    (
      SHIFTRIGHT(`t69`.`found`, 34)
    ) > 0,
    (
      (
        (
          `t69`.`found` & 17179869183
        ) + 1788220800
      ) - 1
    ) - (
      (
        (
          (
            `t69`.`found` & 17179869183
          ) + 1788220800
        ) - 1
      ) % 1
    ),
    CAST(NULL AS BIGINT)
  ) AS `last`
FROM (
  SELECT
    `t68`.`key`,
    `t68`.`period`,
    MAX(`t68`.`found`) AS `found`
  FROM (
    SELECT
      `t67`.`cell`,
      `t67`.`found`,
      `t25`.`key`,
      `t25`.`at`,
      `t25`.`period`
    FROM (
      SELECT
        `t65`.`cell`,
        MAX(`t65`.`found`) AS `found`
      FROM (
        SELECT
          SHIFTRIGHT(`t64`.`before`, 32) AS `cell`,
          (
            SHIFTLEFT((
              `t64`.`before` & 4294967295
            ), 34)
          ) | (
            (
              SHIFTRIGHT(`t64`.`event`, 2)
            ) & 17179869183
          ) AS `found`
        FROM (
          SELECT
            `t63`.`event`,
            `t63`.`change`,
            SUM(`t63`.`change`) OVER (
              ORDER BY `t63`.`event` ASC NULLS LAST
              ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) - `t63`.`change` AS `before`
          FROM (
            SELECT
              `t62`.`event`,
              CASE
                WHEN (
                  `t62`.`event` & 3
                ) = 2
                THEN 1
                WHEN (
                  `t62`.`event` & 3
                ) = 0
                THEN -1
                ELSE 4294967296
              END AS `change`
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      `t58`.`key` * 68719476736
                    ) + (
                      (
                        `t58`.`since` - 1788220800
                      ) * 4
                    ) + 2 AS `event`
                  FROM `t57` AS `t58`
                  WHERE
                    (
                      `t58`.`before` IS NULL
                    ) OR (
                      `t58`.`since` > `t58`.`before`
                    )
                ) AS `t59`
                UNION ALL
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      `t58`.`key` * 68719476736
                    ) + (
                      (
                        `t58`.`latest` - 1788220800
                      ) * 4
                    ) + 0 AS `event`
                  FROM `t57` AS `t58`
                  WHERE
                    (
                      `t58`.`following` IS NULL
                    ) OR (
                      `t58`.`following` > `t58`.`latest`
                    )
                ) AS `t60`
              ) AS `t61`
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  (
                    `t20`.`key` * 68719476736
                  ) + (
                    (
                      `t20`.`at` - 1788220800
                    ) * 4
                  ) + 1 AS `event`
                FROM `t19` AS `t20`
              ) AS `t29`
            ) AS `t62`
          ) AS `t63`
        ) AS `t64`
      ) AS `t65`
      GROUP BY
        1
    ) AS `t67`
    INNER JOIN (
      SELECT
        *
      FROM `t19` AS `t20`
      WHERE
        `t20`.`period` >= 0
    ) AS `t25`
      ON `t67`.`cell` = `t25`.`cell`
  ) AS `t68`
  GROUP BY
    1,
    2
) AS `t69`
